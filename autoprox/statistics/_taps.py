"""Hooks at the nodes of a model that take the tensors that were asked for, and nothing else.

Nodes that are calls of functions are met in a mode that sees every function while the model runs; models without such
nodes run without it. Fused attention is computed by its parts then, whatever is asked for: its probabilities take part
in the forward pass, so that their gradient is what flows through them, and everything can be differentiated twice.

Gradients are taken at edges of the autograd graph, all of them by one backward pass. Whether the model wrote into a
tensor after it had been taken is seen by the tensor's version; content and edge are not what they were then, and taps
that hand on copies are needed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from autoprox.base.errors import CollectionError
from autoprox.inspect.flow import whole
from autoprox.inspect.functions import (
    FUNCTION_SITES,
    FUSED_ATTENTION,
    CallMode,
    Function,
    attention_parts,
    nodes_by_call,
)
from autoprox.inspect.nodes import Node, Site
from autoprox.statistics.statistic import Stage, Statistic, StatisticKind, Tap


@dataclass(slots=True)
class _TappedCall:
    """Record of one call of a module at one of its taps."""

    shape: torch.Size
    dtype: torch.dtype
    device: torch.device
    value: Tensor | None
    version: int
    edge: GradientEdge | None
    gradient: Tensor | None = None


class Taps:
    """Takes tensors at the inputs and outputs of nodes while it is attached.

    Args:
        nodes: The nodes of the model.
        statistics: What is asked for; decides which taps there are, and whether they keep values, edges, or shapes
            alone.
        protect: Hand on copies of what is taken, for models that write into tensors in place.
    """

    def __init__(self, nodes: Sequence[Node], statistics: Sequence[Statistic], *, protect: bool = False) -> None:
        self._nodes = nodes
        self._protect = protect
        self._values = _taps_of(statistics, StatisticKind.TENSOR, Stage.FORWARD)
        self._gradients = _taps_of(statistics, StatisticKind.TENSOR, Stage.BACKWARD)
        self._shapes = _taps_of(statistics, StatisticKind.COUNT, Stage.FORWARD)
        self._calls: dict[tuple[str, Tap], list[_TappedCall]] = {}
        self._weight_gradients: dict[int, Tensor] = {}
        self._wanted = self._values | self._gradients | self._shapes
        self._functions = nodes_by_call(nodes)
        self._weights = {
            id(weight_parameter(node)): node for node in nodes if node.call is not None and node.call.weight
        }

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Registers the hooks, behind those that the model has, and removes them whatever happens."""
        network = next((node.call.network for node in self._nodes if node.call is not None), None)
        with ExitStack() as stack:
            for node in self._nodes:
                if (node.site, Tap.INPUT) in self._wanted:
                    hook = node.module.register_forward_pre_hook(self._input_hook(node), with_kwargs=True)
                    stack.callback(hook.remove)
                if (node.site, Tap.OUTPUT) in self._wanted:
                    stack.callback(node.module.register_forward_hook(self._output_hook(node)).remove)
            if network is not None:
                stack.enter_context(CallMode(network, self._function).attached())
            yield

    def settled(self) -> bool:
        """Whether what was taken is still what it was; what was kept for this question alone is dropped."""
        settled = True
        for site, tap, call in self._records():
            settled = settled and (call.value is None or call.value._version == call.version)
            if (site, tap) not in self._values:
                call.value = None
        return settled

    def differentiate(self, loss: Tensor) -> None:
        """Runs the one backward pass and keeps the gradients that were asked for.

        Raises:
            CollectionError: If a weight whose gradient was asked for is no parameter.
        """
        calls = [call for _, _, call in self._records() if call.edge is not None]
        edges: list[Any] = [call.edge for call in calls]
        weighed = [node for node in self._nodes if (node.site, Tap.WEIGHT) in self._gradients]
        weights = list({id(weight): weight for weight in map(weight_parameter, weighed)}.values())
        gradients = torch.autograd.grad(loss, [*edges, *weights], allow_unused=True)
        for call, gradient in zip(calls, gradients[: len(calls)], strict=True):
            call.gradient, call.edge = gradient, None
        for weight, gradient in zip(weights, gradients[len(calls) :], strict=True):
            # What the loss does not depend on has the gradient zero.
            self._weight_gradients[id(weight)] = torch.zeros_like(weight) if gradient is None else gradient

    def value(self, node: Node, tap: Tap) -> Tensor:
        """The tensor at a tap; see `joined` for a node that was called several times."""
        return joined([call.value for call in self._at(node, tap) if call.value is not None])

    def gradient(self, node: Node, tap: Tap) -> Tensor:
        """The gradient at a tap, of the shape of its value; zero where the loss does not depend on it."""
        if tap is Tap.WEIGHT:
            return self._weight_gradients[id(weight_parameter(node))]
        return joined(
            [
                torch.zeros(call.shape, dtype=call.dtype, device=call.device)
                if call.gradient is None
                else call.gradient
                for call in self._at(node, tap)
            ]
        )

    def shapes(self, node: Node) -> list[torch.Size]:
        """The shape of the node's output in each of its calls."""
        return [call.shape for call in self._at(node, Tap.OUTPUT)]

    def _at(self, node: Node, tap: Tap) -> list[_TappedCall]:
        if (node.name, tap) not in self._calls:
            raise CollectionError(
                f"The {type(node.module).__name__} '{node.name}' was not called in the forward pass, so it has no "
                f"{tap}; remove it from the model, or ask for statistics of weights alone."
            )
        return self._calls[node.name, tap]

    def _record(self, node: Node, tap: Tap, tensor: Tensor) -> None:
        key = (node.site, tap)
        differentiable = tensor.requires_grad and torch.is_grad_enabled()
        call = _TappedCall(
            shape=tensor.shape,
            dtype=tensor.dtype,
            device=tensor.device,
            value=tensor.detach() if key in self._values or key in self._gradients else None,
            version=tensor._version,
            edge=get_gradient_edge(tensor) if key in self._gradients and differentiable else None,
        )
        self._calls.setdefault((node.name, tap), []).append(call)

    def _input_hook(self, node: Node) -> Callable[..., Any]:
        def hook(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return self._with_input_taken(node, args, kwargs)

        return hook

    def _output_hook(self, node: Node) -> Callable[..., Any]:
        def hook(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> Any:
            return self._output_taken(node, output)

        return hook

    def _with_input_taken(
        self, node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Takes the input of a node; returns the arguments with what the node is to be given instead."""
        tensor = _checked(args[0] if args else kwargs.get("input"), node, Tap.INPUT)
        if (node.site, Tap.INPUT) in self._gradients and torch.is_grad_enabled() and not tensor.requires_grad:
            tensor = tensor.detach().requires_grad_()  # the images
        # The node gets an alias, so that the gradient there is what flows through this node and not what flows through
        # others that read the same tensor.
        alias = tensor.clone() if self._protect else tensor.view_as(tensor)
        self._record(node, Tap.INPUT, alias)
        return ((alias, *args[1:]), kwargs) if args else (args, {**kwargs, "input": alias})

    def _output_taken(self, node: Node, output: Any) -> Tensor:
        """Takes the output of a node; returns what the model is to continue with."""
        tensor = _checked(output, node, Tap.OUTPUT)
        self._record(node, Tap.OUTPUT, tensor)
        return tensor.clone() if self._protect else tensor

    def _function(
        self, mode: CallMode, function: Function, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Calls a function of the model, and takes what is to be taken if the call is a node."""
        node = self._called(mode, name, args, kwargs)
        if node is None:
            return function(*args, **kwargs)
        if name == FUSED_ATTENTION:
            probabilities, values = attention_parts(*args, **kwargs)
            return self._passed_on(node, probabilities) @ values
        if (node.site, Tap.INPUT) in self._wanted:
            args, kwargs = self._with_input_taken(node, args, kwargs)
        return self._passed_on(node, function(*args, **kwargs))

    def _called(self, mode: CallMode, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Node | None:
        """The node that a call of a function is, if it is one; counts the call."""
        if FUNCTION_SITES.get(name) is not Site.LINEAR:
            return mode.called(name, self._functions)
        weight = kwargs["weight"] if "weight" in kwargs else args[1]
        return None if mode.closed else self._weights.get(id(whole(weight)))

    def _passed_on(self, node: Node, output: Any) -> Any:
        return self._output_taken(node, output) if (node.site, Tap.OUTPUT) in self._wanted else output

    def _records(self) -> Iterator[tuple[Site, Tap, _TappedCall]]:
        sites = {node.name: node.site for node in self._nodes}
        for (name, tap), calls in self._calls.items():
            yield from ((sites[name], tap, call) for call in calls)


def weight_parameter(node: Node) -> nn.Parameter:
    """The weight of a node as the parameter that gradients are taken of.

    Raises:
        CollectionError: If the weight is computed from other parameters.
    """
    # A pass may put other parameters in: of a call, the one that its owner holds at the time counts.
    holder, name = (node.module, "weight") if node.call is None else (node.call.owner, node.call.weight)
    weight = holder._parameters.get(name)
    if weight is None:
        by_hook = isinstance(holder.__dict__.get(name), Tensor)
        remedy = (
            "remove what was put on it, for instance by torch.nn.utils.prune.remove(module, 'weight') or "
            "torch.nn.utils.remove_spectral_norm(module)"
            if by_hook
            else "make it one by torch.nn.utils.parametrize.remove_parametrizations(module, 'weight')"
        )
        raise CollectionError(
            f"The weight of '{node.name}' is no parameter of its own but computed from others{' by a hook' * by_hook}; "
            f"{remedy}."
        )
    return weight


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """One tensor for all calls of a module: along the first dimension, or flat if the other dimensions differ.

    The rule looks at shapes alone, so tensors that have equal shapes call by call have equal shapes joined.

    Example:
        >>> joined([torch.zeros(2, 3), torch.ones(4, 3)]).shape, joined([torch.zeros(2, 3), torch.ones(2, 5)]).shape
        (torch.Size([6, 3]), torch.Size([16]))
    """
    if len(tensors) == 1:
        return tensors[0]
    if len({tensor.shape[1:] for tensor in tensors}) == 1 and all(tensor.ndim for tensor in tensors):
        return torch.cat(list(tensors))
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _taps_of(statistics: Sequence[Statistic], kind: StatisticKind, stage: Stage) -> set[tuple[Site, Tap]]:
    chosen = (each for each in statistics if each.kind is kind and each.stage is stage)
    return {(each.site, each.tap or Tap.OUTPUT) for each in chosen}


def _checked(value: Any, node: Node, tap: Tap) -> Tensor:
    if not isinstance(value, Tensor):
        raise CollectionError(
            f"The {tap} of '{node.name}' ({type(node.module).__name__}) is a {type(value).__name__}, not a tensor."
        )
    return value

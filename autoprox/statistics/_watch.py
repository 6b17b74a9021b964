"""Nodes of a model, watched while it runs; what is taken of them beside the shapes of outputs is the affair of `_taps`.

Nodes that are calls of functions are met in a mode that sees every function while the model runs; models without such
nodes run without it. Fused attention is computed by its parts then, whatever is asked for: its probabilities take part
in the forward pass, so that their gradient is what flows through them, and everything can be differentiated twice.
"""

from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from autoprox.base.errors import CollectionError
from autoprox.inspect.calls import whole
from autoprox.inspect.functions import (
    FUNCTION_SITES,
    FUSED_ATTENTION,
    CallMode,
    Function,
    attention_parts,
    nodes_by_call,
)
from autoprox.inspect.nodes import Node, Site
from autoprox.statistics.statistic import Tap


class Watch:
    """Watches the nodes of a model while it is attached, and takes nothing of them.

    Args:
        nodes: The nodes of the model.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
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
                for hook in self._hooks(node):
                    stack.callback(hook.remove)
            if network is not None:
                stack.enter_context(CallMode(network, self._function).attached())
            yield

    def _hooks(self, _node: Node) -> list[RemovableHandle]:
        return []

    def _function(
        self, mode: CallMode, function: Function, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Calls a function of the model, with what is taken if the call is a node."""
        node = self._called(mode, name, args, kwargs)
        if node is None:
            return function(*args, **kwargs)
        if name == FUSED_ATTENTION:
            probabilities, values = attention_parts(*args, **kwargs)
            return self._passed_on(node, probabilities) @ values
        args, kwargs = self._given(node, args, kwargs)
        return self._passed_on(node, function(*args, **kwargs))

    def _called(self, mode: CallMode, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Node | None:
        """The node that a call of a function is, if it is one; counts the call."""
        if FUNCTION_SITES.get(name) is not Site.LINEAR:
            return mode.called(name, self._functions)
        weight = kwargs["weight"] if "weight" in kwargs else args[1]
        return None if mode.closed else self._weights.get(id(whole(weight)))

    def _given(
        self, _node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that a node is to be called with."""
        return args, kwargs

    def _passed_on(self, _node: Node, output: Any) -> Any:
        """The output that the model is to continue with."""
        return output


class OutputShapes(Watch):
    """Takes the shape of what nodes give in each of their calls.

    Args:
        nodes: The nodes of the model.
        sites: Of these the shapes are taken.
    """

    def __init__(self, nodes: Sequence[Node], sites: Container[Site]) -> None:
        super().__init__(nodes)
        self._sites = sites
        self._shapes: dict[str, list[torch.Size]] = {}

    def shapes(self, node: Node) -> list[torch.Size]:
        """The shape of the node's output in each of its calls.

        Raises:
            CollectionError: If it was not called.
        """
        return of_called(node, Tap.OUTPUT, self._shapes.get(node.name))

    def _hooks(self, node: Node) -> list[RemovableHandle]:
        def hook(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> Any:
            return self._passed_on(node, output)

        return [node.module.register_forward_hook(hook)] if self._takes_output(node) else []

    def _takes_output(self, node: Node) -> bool:
        return node.site in self._sites

    def _passed_on(self, node: Node, output: Any) -> Any:
        if node.site in self._sites:
            self._shapes.setdefault(node.name, []).append(checked(output, node, Tap.OUTPUT).shape)
        return output


def weight_gradients(loss: Tensor, nodes: Sequence[Node]) -> list[Tensor]:
    """Gradients of the weights of nodes; zero where the loss does not depend on them.

    Raises:
        CollectionError: If a weight is not a parameter.
    """
    weights = [weight_parameter(node) for node in nodes]
    own = list({id(weight): weight for weight in weights}.values())
    found = torch.autograd.grad(loss, own, allow_unused=True)
    gradients = {
        id(weight): torch.zeros_like(weight) if gradient is None else gradient
        for weight, gradient in zip(own, found, strict=True)
    }
    return [gradients[id(weight)] for weight in weights]


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
            f"The weight of '{node.name}' is not a parameter but computed from others{' by a hook' * by_hook}; "
            f"{remedy}."
        )
    return weight


def of_called(node: Node, tap: Tap, calls: list[Any] | None) -> list[Any]:
    """Records of the calls of a node.

    Raises:
        CollectionError: If there were none.
    """
    if calls is None:
        raise CollectionError(
            f"The {type(node.module).__name__} '{node.name}' was not called in the forward pass, so it has no "
            f"{tap}; remove it from the model, or ask for statistics of weights alone."
        )
    return calls


def checked(value: Any, node: Node, tap: Tap) -> Tensor:
    """A value at a tap, which has to be a tensor.

    Raises:
        CollectionError: If it is not one.
    """
    if not isinstance(value, Tensor):
        raise CollectionError(
            f"The {tap} of '{node.name}' ({type(node.module).__name__}) is a {type(value).__name__}, not a tensor."
        )
    return value

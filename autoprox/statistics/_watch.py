"""Observation of a model's nodes while it runs, with the shapes of outputs; `_taps` records tensors.

Nodes that are function calls are observed by a mode that intercepts every function while the model runs; models without
such nodes run without it. In this mode, fused attention is always computed in separate steps: its probabilities are
part of the forward pass, so they have gradients, and everything can be differentiated twice.
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
    """Observes the nodes of a model while attached, without recording anything.

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
        """Registers the hooks after those of the model, and always removes them."""
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
        """Calls a function of the model, and records it if the call is a node."""
        node = self._called(mode, name, args, kwargs)
        if node is None:
            return function(*args, **kwargs)
        if name == FUSED_ATTENTION:
            probabilities, values = attention_parts(*args, **kwargs)
            return self._passed_on(node, probabilities) @ values
        args, kwargs = self._given(node, args, kwargs)
        return self._passed_on(node, function(*args, **kwargs))

    def _called(self, mode: CallMode, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Node | None:
        """Returns the node of a function call, or None, and counts the call."""
        if FUNCTION_SITES.get(name) is not Site.LINEAR:
            return mode.called(name, self._functions)
        weight = kwargs["weight"] if "weight" in kwargs else args[1]
        return None if mode.closed else self._weights.get(id(whole(weight)))

    def _given(
        self, _node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Returns the arguments for the call of a node."""
        return args, kwargs

    def _passed_on(self, _node: Node, output: Any) -> Any:
        """Returns the output that the model continues with."""
        return output


class OutputShapes(Watch):
    """Records the shape of the output of nodes in each call.

    Args:
        nodes: The nodes of the model.
        sites: Sites of the recorded nodes.
    """

    def __init__(self, nodes: Sequence[Node], sites: Container[Site]) -> None:
        super().__init__(nodes)
        self._sites = sites
        self._shapes: dict[str, list[torch.Size]] = {}

    def shapes(self, node: Node) -> list[torch.Size]:
        """Returns the shapes of a node's output, one per call.

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
    """Computes gradients of the weights of nodes; zero if the loss does not depend on them.

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
    """Returns the weight of a node as a parameter with a gradient.

    Raises:
        CollectionError: If the weight is computed from other parameters.
    """
    # A pass may substitute parameters: for a call, the current parameter of its owner counts.
    holder, name = (node.module, "weight") if node.call is None else (node.call.owner, node.call.weight)
    weight = holder._parameters.get(name)
    if weight is None:
        by_hook = isinstance(holder.__dict__.get(name), Tensor)
        remedy = (
            "remove the hook, for example with torch.nn.utils.prune.remove(module, 'weight') or "
            "torch.nn.utils.remove_spectral_norm(module)"
            if by_hook
            else "make it one with torch.nn.utils.parametrize.remove_parametrizations(module, 'weight')"
        )
        raise CollectionError(
            f"The weight of '{node.name}' is not a parameter but computed from others{' by a hook' * by_hook}; "
            f"{remedy}."
        )
    return weight


def of_called(node: Node, tap: Tap, calls: list[Any] | None) -> list[Any]:
    """Returns the records of the calls of a node.

    Raises:
        CollectionError: If the node was not called.
    """
    if calls is None:
        raise CollectionError(
            f"The {type(node.module).__name__} '{node.name}' was not called in the forward pass, so it has no "
            f"{tap}; remove it from the model, or request only statistics of weights."
        )
    return calls


def checked(value: Any, node: Node, tap: Tap) -> Tensor:
    """Returns the value at a tap after checking that it is a tensor.

    Raises:
        CollectionError: If it is not a tensor.
    """
    if not isinstance(value, Tensor):
        raise CollectionError(
            f"The {tap} of '{node.name}' ({type(node.module).__name__}) is a {type(value).__name__}, not a tensor."
        )
    return value

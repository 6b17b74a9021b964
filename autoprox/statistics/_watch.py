"""Observation of a model's nodes while it runs, with the shapes of outputs; `_taps` records tensors.

Nodes that are function calls are observed by a mode that intercepts every function while the model runs; models without
such nodes run without it. In this mode, fused attention is always computed in separate steps: its probabilities are
part of the forward pass, so they have gradients, and everything can be differentiated twice.
"""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.errors import CollectionError
from autoprox.inspect.calls import Observer
from autoprox.inspect.functions import FUSED_ATTENTION, Function, attention_parts
from autoprox.inspect.nodes import Node, Site, site_of
from autoprox.statistics.statistic import Tap


class Watch(Observer):
    """Observes the nodes of a model while attached, without recording anything.

    Args:
        model: The model, with the parameters that it runs with.
        nodes: Its nodes.
    """

    def __init__(self, model: nn.Module, nodes: Sequence[Node]) -> None:
        super().__init__(model)
        self._nodes = {node.name: node for node in nodes}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watches the model, its functions only if one of them is a node."""
        with self.attached(functions=any(node.holder is not None for node in self._nodes.values())):
            yield

    def _function(self, function: Function, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a function of the model, with what is taken if the call is a node."""
        node = self._nodes.get(self._called(name, args, kwargs)[0])
        if node is None:
            return function(*args, **kwargs)
        if name == FUSED_ATTENTION:
            probabilities, values = attention_parts(*args, **kwargs)
            return self._passed_on(node, probabilities) @ values
        args, kwargs = self._given(node, args, kwargs)
        return self._passed_on(node, function(*args, **kwargs))

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
        model: The model.
        nodes: Its nodes.
        sites: Sites of the recorded nodes.
    """

    def __init__(self, model: nn.Module, nodes: Sequence[Node], sites: Container[Site]) -> None:
        super().__init__(model, nodes)
        self._sites = sites
        self._shapes: dict[str, list[torch.Size]] = {}

    def shapes(self, node: Node) -> list[torch.Size]:
        """Returns the shapes of a node's output, one per call.

        Raises:
            CollectionError: If it was not called.
        """
        return of_called(node, Tap.OUTPUT, self._shapes.get(node.name))

    def _node_of(self, module: nn.Module) -> Node | None:
        """The node that a module is, if it is one."""
        return None if site_of(module) is None else self._nodes.get(self._paths[id(module)])

    def _records(self, module: nn.Module) -> bool:
        node = self._node_of(module)
        return node is not None and self._taken(node)

    def _taken(self, node: Node) -> bool:
        """True if anything of a node is recorded."""
        return node.site in self._sites

    def _leave(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        super()._leave(module, args, kwargs, output)
        node = self._node_of(module)
        return None if node is None else self._passed_on(node, output)

    def _passed_on(self, node: Node, output: Any) -> Any:
        if node.site in self._sites:
            self._shapes.setdefault(node.name, []).append(checked(output, node, Tap.OUTPUT).shape)
        return output


def weight_parameter(node: Node) -> nn.Parameter:
    """Returns the weight of a node as a parameter with a gradient.

    Raises:
        CollectionError: If the weight is computed from other parameters.
    """
    # A pass may put other parameters in: the one that its owner holds at the time counts.
    weight = node.owner._parameters.get(node.attribute)
    if weight is None:
        by_hook = isinstance(vars(node.owner).get(node.attribute), Tensor)
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

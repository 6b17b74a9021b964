"""Hooks at the nodes of a model that record the requested tensors.

Gradients are computed at edges of the autograd graph, all by one backward pass. A tensor's version shows that the model
wrote into it after it was recorded. Its content and edge have changed then, and taps that pass copies on are needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from autoprox.inspect.nodes import Node, Site
from autoprox.statistics._watch import OutputShapes, checked, of_called, weight_parameter
from autoprox.statistics.statistic import Observation, Stage, Tap


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


class Taps(OutputShapes):
    """Records tensors at the inputs and outputs of nodes while attached.

    Args:
        model: The model.
        nodes: Its nodes.
        statistics: The requested statistics, which determine the taps and their record: values, edges, or only shapes.
        protect: Passes copies of recorded tensors on, for models that write into tensors in place.
    """

    def __init__(
        self, model: nn.Module, nodes: Sequence[Node], statistics: Sequence[Observation], *, protect: bool = False
    ) -> None:
        super().__init__(model, nodes, {each.site for each in statistics if each.count is not None})
        self._protect = protect
        taps = [(each.stage, each.site, each.tap) for each in statistics if each.tap is not None]
        self._values = {(site, tap) for stage, site, tap in taps if stage is Stage.FORWARD}
        self._gradients = {(site, tap) for stage, site, tap in taps if stage is Stage.BACKWARD}
        self._wanted = self._values | self._gradients
        self._calls: dict[tuple[str, Tap], list[_TappedCall]] = {}
        self._weight_gradients: dict[int, Tensor] = {}

    def settled(self) -> bool:
        """Returns True if no recorded tensor was changed; tensors kept only for this check are discarded."""
        settled = True
        for site, tap, call in self._recorded():
            settled = settled and (call.value is None or call.value._version == call.version)
            if (site, tap) not in self._values:
                call.value = None
        return settled

    def differentiate(self, loss: Tensor) -> None:
        """Runs the backward pass and keeps the requested gradients.

        Raises:
            CollectionError: If the gradient of a weight that is not a parameter is requested.
        """
        calls = [call for _, _, call in self._recorded() if call.edge is not None]
        edges: list[Any] = [call.edge for call in calls]
        weighed = [node for node in self._nodes.values() if (node.site, Tap.WEIGHT) in self._gradients]
        weights = list({id(weight): weight for weight in map(weight_parameter, weighed)}.values())
        gradients = torch.autograd.grad(loss, [*edges, *weights], allow_unused=True)
        for call, gradient in zip(calls, gradients[: len(calls)], strict=True):
            call.gradient, call.edge = gradient, None
        for weight, gradient in zip(weights, gradients[len(calls) :], strict=True):
            # A weight without influence on the loss has a zero gradient.
            self._weight_gradients[id(weight)] = torch.zeros_like(weight) if gradient is None else gradient

    def value(self, node: Node, tap: Tap) -> Tensor:
        """Returns the tensor at a tap; see `joined` for a node that was called several times."""
        return joined([call.value for call in self._at(node, tap) if call.value is not None])

    def gradient(self, node: Node, tap: Tap) -> Tensor:
        """Returns the gradient at a tap, in the shape of its value; zero if the loss does not depend on it."""
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

    def _at(self, node: Node, tap: Tap) -> list[_TappedCall]:
        return of_called(node, tap, self._calls.get((node.name, tap)))

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

    def _taken(self, node: Node) -> bool:
        return super()._taken(node) or any((node.site, tap) in self._wanted for tap in (Tap.INPUT, Tap.OUTPUT))

    def _enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        super()._enter(module, args, kwargs)
        node = self._node_of(module)
        return None if node is None else self._given(node, args, kwargs)

    def _given(
        self, node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Records the input of a node."""
        if (node.site, Tap.INPUT) not in self._wanted:
            return args, kwargs
        tensor = checked(args[0] if args else kwargs.get("input"), node, Tap.INPUT)
        if (node.site, Tap.INPUT) in self._gradients and torch.is_grad_enabled() and not tensor.requires_grad:
            tensor = tensor.detach().requires_grad_()  # the images
        # The node gets an alias, so that its gradient excludes other nodes that read the same tensor.
        alias = tensor.clone() if self._protect else tensor.view_as(tensor)
        self._record(node, Tap.INPUT, alias)
        return ((alias, *args[1:]), kwargs) if args else (args, {**kwargs, "input": alias})

    def _passed_on(self, node: Node, output: Any) -> Any:
        """Records the output of a node."""
        output = super()._passed_on(node, output)
        if (node.site, Tap.OUTPUT) not in self._wanted:
            return output
        tensor = checked(output, node, Tap.OUTPUT)
        self._record(node, Tap.OUTPUT, tensor)
        return tensor.clone() if self._protect else tensor

    def _recorded(self) -> Iterator[tuple[Site, Tap, _TappedCall]]:
        for (name, tap), calls in self._calls.items():
            yield from ((self._nodes[name].site, tap, call) for call in calls)


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """Joins the tensors of all calls of a module along the first dimension, or flat if the other dimensions differ.

    The rule depends only on shapes, so tensors with equal shapes in each call have equal shapes after joining.

    Example:
        >>> joined([torch.zeros(2, 3), torch.ones(4, 3)]).shape, joined([torch.zeros(2, 3), torch.ones(2, 5)]).shape
        (torch.Size([6, 3]), torch.Size([16]))
    """
    if len(tensors) == 1:
        return tensors[0]
    if len({tensor.shape[1:] for tensor in tensors}) == 1 and all(tensor.ndim for tensor in tensors):
        return torch.cat(list(tensors))
    return torch.cat([tensor.reshape(-1) for tensor in tensors])

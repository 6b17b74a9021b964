"""What an exported proxy carries with it: the collection of statistics and the arithmetic of nodes, in torch alone.

`export.python` copies from here, and from the modules that are used here, what a graph needs. So this module and what
it takes from others at the time of a call must not need NumPy or networkx. One network is scored at a time: what
`autoprox.graph.nodes` does with segments of flat arrays is written here for the nodes of one network, a float64 tensor
`(N,)`, with their relative depth `position` `(N,)`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.graph.nodes import SINE_STEP
from autoprox.graph.operations import FLOAT64_EPS
from autoprox.inspect.batch import check_images, check_labels, model_weight
from autoprox.inspect.finding import find_nodes
from autoprox.inspect.nodes import Node, Role, Site
from autoprox.statistics.collection import check_sites, needs_batch, run_passes
from autoprox.statistics.statistic import Given, Statistic


@dataclass(frozen=True)
class Found:
    """Statistics of one network: for each name, one tensor or one float a node of its site."""

    nodes: dict[Site, tuple[Node, ...]]
    tensors: dict[str, list[Tensor]]
    counts: dict[str, Tensor]

    def reduce(self, reduction: Callable[..., Tensor], *names: str) -> Tensor:
        """Applies a reduction to the tensors of each node, one node after the other."""
        rows = zip(*(self.tensors[name] for name in names), strict=True)
        return torch.stack([reduction(*map(_widened, row)) for row in rows]).cpu()

    def select(self, values: Tensor, site: Site, held: frozenset[Role], kept: frozenset[Role]) -> Tensor:
        """Narrows values of the nodes with the roles `held` to those with the roles `kept`."""
        roles = [node.role for node in self.nodes[site] if node.role in held]
        return values[[index for index, role in enumerate(roles) if role in kept]]

    def positions(self, site: Site, kept: frozenset[Role] | None = None) -> Tensor:
        """Relative depth, in (0, 1], of the nodes of a site, or of those with the roles `kept`."""
        total = len(self.nodes[site])
        positions = torch.arange(1, total + 1, dtype=torch.float64) / total
        return positions if kept is None else self.select(positions, site, frozenset(Role), kept)


def _widened(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype is torch.float64 else tensor.float()


def take(
    model: nn.Module,
    images: Any,
    labels: Any,
    wanted: Sequence[Statistic],
    loss: Callable[[Any, Any], Tensor] | None,
    *,
    needs_roles: bool,
) -> Found:
    """Collects statistics of all nodes of a model, which is afterwards as it was, to the bit."""
    found = find_nodes(model, lambda weight: _inputs(images, weight), needs_roles=needs_roles)
    by_site = {site: tuple(node for node in found if node.site is site) for site in Site}
    check_sites(model, by_site, wanted)
    given = Given(model, found, torch.empty(0), None, loss)
    if needs_batch(wanted):
        weight = model_weight(by_site[Site.LINEAR][0].module)
        inputs = _inputs(images, weight)
        targets = _labels(labels, inputs) if loss is None else _own_labels(labels, inputs.device)
        given = replace(given, images=inputs, labels=targets)
    taken = run_passes(given, wanted)
    return Found(by_site, taken.tensors, taken.counts)


def _inputs(images: Any, weight: Tensor) -> Tensor:
    return check_images(_as_tensor(images, "images", weight.device).detach(), weight)


def _labels(labels: Any, images: Tensor) -> Tensor:
    return check_labels(_as_tensor(labels, "labels", images.device), images)


def _own_labels(labels: Any, device: torch.device) -> Any:
    """What a loss of the caller's own is given: an array of integers as a tensor, anything else as it is."""
    kind = getattr(getattr(labels, "dtype", None), "kind", None)
    return torch.tensor(labels, device=device).long() if kind in {"i", "u"} else labels


def _as_tensor(values: Any, what: str, device: torch.device) -> Tensor:
    """Makes a tensor on the device; one that is a tensor already has to be there."""
    if not isinstance(values, Tensor):
        try:
            return torch.tensor(values, device=device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise CollectionError(f"The {what} cannot be made a tensor ({error}).") from error
    if values.device != device:
        raise CollectionError(f"The {what} are on {values.device} and the model is on {device}; move them there.")
    return values


def finite(value: Tensor) -> float:
    """The score as a number.

    Raises:
        UndefinedScoreError: If it is not finite.
    """
    if not math.isfinite(value):
        raise UndefinedScoreError(f"The proxy has no finite value on this model (it gives {float(value)}).")
    return float(value)


def node_zscore(values: Tensor, _position: Tensor) -> Tensor:
    """(x - mean) / (std + 1e-30) within the network."""
    centred = values - values.mean()
    return centred / ((centred * centred).mean().sqrt() + FLOAT64_EPS)


def node_minmax(values: Tensor, _position: Tensor) -> Tensor:
    """(x - min) / (max - min + 1e-30) within the network."""
    if not len(values):
        return values
    low, high = torch.aminmax(values)
    return (values - low) / (high - low + FLOAT64_EPS)


def node_share(values: Tensor, _position: Tensor) -> Tensor:
    """Value / (sum of `|x|` over the network + 1e-30)."""
    return values / (values.abs().sum() + FLOAT64_EPS)


def node_rank(values: Tensor, _position: Tensor) -> Tensor:
    """Rank within the network, ties averaged, scaled to (0, 1]; NaN if the network holds a NaN."""
    below, equal = values[:, None] > values, values[:, None] == values
    ranks = (below.sum(dim=1) + (equal.sum(dim=1) + 1) / 2) / max(len(values), 1)
    return torch.where(values.isnan().any(), torch.nan, ranks.to(torch.float64))


def node_deep(values: Tensor, position: Tensor) -> Tensor:
    """Weighted by the relative depth of the node: the last one counts fully."""
    return values * position


def node_shallow(values: Tensor, position: Tensor) -> Tensor:
    """Weighted by one minus the relative depth: the last one counts not at all."""
    return values * (1.0 - position)


def node_sine(values: Tensor, _position: Tensor) -> Tensor:
    """Weighted by (sin(0.1 l) + 1) / 2, with l the index of the node among those that are kept, from 0."""
    index = torch.arange(len(values), dtype=torch.float64)
    return values * (torch.sin(SINE_STEP * index) + 1.0) / 2.0


def nodes_sum(values: Tensor, _position: Tensor) -> Tensor:
    """Sum over the nodes; like the other aggregators, NaN where there is none."""
    return values.sum() if len(values) else values.new_tensor(torch.nan)


def nodes_mean(values: Tensor, _position: Tensor) -> Tensor:
    """Mean over the nodes."""
    return values.mean()


def nodes_max(values: Tensor, _position: Tensor) -> Tensor:
    """Maximum over the nodes."""
    return values.amax() if len(values) else values.new_tensor(torch.nan)


def nodes_min(values: Tensor, _position: Tensor) -> Tensor:
    """Minimum over the nodes."""
    return values.amin() if len(values) else values.new_tensor(torch.nan)


def nodes_std(values: Tensor, _position: Tensor) -> Tensor:
    """Population standard deviation over the nodes."""
    centred = values - values.mean()
    return (centred * centred).mean().sqrt()


def nodes_logsum(values: Tensor, position: Tensor) -> Tensor:
    """Sum of `ln(|x| + 1e-30)` over the nodes."""
    return nodes_sum((values.abs() + FLOAT64_EPS).log(), position)


def nodes_norm(values: Tensor, position: Tensor) -> Tensor:
    """Square root of the sum of squares over the nodes."""
    return nodes_sum(values * values, position).sqrt()


def nodes_first(values: Tensor, _position: Tensor) -> Tensor:
    """Value of the first node."""
    return values[0] if len(values) else values.new_tensor(torch.nan)


def nodes_last(values: Tensor, _position: Tensor) -> Tensor:
    """Value of the last node."""
    return values[-1] if len(values) else values.new_tensor(torch.nan)

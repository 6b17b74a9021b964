"""Code that an exported proxy contains: the collection of statistics and the nodes of one network, in torch alone.

`export.python` copies from here, and from the modules that are used here, what a graph needs. So this module and what
it takes from others at the time of a call must not need NumPy or networkx. One network is scored at a time; a value of
NODE is a float64 tensor `(N,)`.
"""

import math
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.errors import UndefinedScoreError
from autoprox.base.isolation import isolated
from autoprox.inspect.calls import called
from autoprox.inspect.finding import marked_flow, nodes_of
from autoprox.inspect.nodes import Node, Role, Site
from autoprox.inspect.preservation import preserved
from autoprox.statistics.collection import run_passes
from autoprox.statistics.preparation import Finder, batch_of, prepare_batch, prepare_nodes
from autoprox.statistics.statistic import Given, Statistic, Values


@dataclass(frozen=True)
class Found:
    """Statistics of one network: for each name, one tensor or one float per node of its site."""

    nodes: dict[Site, tuple[Node, ...]]
    values: Values


def reduced(found: Found, reduction: Callable[..., Tensor], *names: str) -> Tensor:
    """Applies a reduction to the tensors of each node, one node after the other."""
    rows = zip(*(found.values[name] for name in names), strict=True)
    with isolated():
        values = [reduction(*map(_widened, row)) for row in rows]
    return torch.stack(values).cpu() if values else torch.empty(0, dtype=torch.float64)


def selected(found: Found, values: Tensor, site: Site, held: frozenset[Role], kept: frozenset[Role]) -> Tensor:
    """Narrows values of the nodes with the roles `held` to those with the roles `kept`."""
    roles = [node.role for node in found.nodes[site] if node.role in held]
    return values[[index for index, role in enumerate(roles) if role in kept]]


def positions(found: Found, site: Site) -> Tensor:
    """Relative depth, in (0, 1], of the nodes of a site."""
    total = len(found.nodes[site])
    return torch.arange(1, total + 1, dtype=torch.float64) / total


def _widened(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype is torch.float64 else tensor.float()


Check = Callable[[Given, Sequence[Statistic]], None]


def take(
    model: nn.Module,
    images: Any,
    labels: Any,
    loss: Callable[[Any, Any], Tensor] | None,
    wanted: Sequence[Statistic],
    find: Finder,
    checks: Sequence[Check],
    *,
    told: Container[Site],
) -> Found:
    """Collects statistics of all nodes of a model, which is afterwards as it was, to the bit."""
    with preserved(model) as again:
        given = _nodes(model, images, wanted, find, checks, told)
        values = run_passes(prepare_batch(given, images, labels, wanted, loss), wanted, again)
    return _found(given, values)


def take_without_labels(
    model: nn.Module,
    images: Any,
    wanted: Sequence[Statistic],
    find: Finder,
    checks: Sequence[Check],
    *,
    told: Container[Site],
) -> Found:
    """Collects statistics that do not depend on labels; the model is afterwards as it was, to the bit."""
    with preserved(model) as again:
        given = _nodes(model, images, wanted, find, checks, told)
        values = run_passes(replace(given, images=batch_of(given, images)), wanted, again)
    return _found(given, values)


def take_without_batch(
    model: nn.Module,
    images: Any,
    wanted: Sequence[Statistic],
    find: Finder,
    checks: Sequence[Check],
    *,
    told: Container[Site],
) -> Found:
    """Collects statistics that are read off the modules; the images are for what finds these."""
    with preserved(model):
        given = _nodes(model, images, wanted, find, checks, told)
        return _found(given, wanted[0].pass_.run(wanted[0].pass_, given, wanted))


def _nodes(
    model: nn.Module,
    images: Any,
    wanted: Sequence[Statistic],
    find: Finder,
    checks: Sequence[Check],
    told: Container[Site],
) -> Given:
    given = prepare_nodes(model, images, find, told=told)
    for check in checks:
        check(given, wanted)
    return given


def _found(given: Given, values: Values) -> Found:
    return Found({site: tuple(given.at(site)) for site in Site}, values)


def find_without_roles(model: nn.Module, images: Callable[[Tensor], Tensor]) -> list[Node]:
    """The nodes of any network, for a graph that asks for no role: what tells roles need not be in its file."""
    return nodes_of(model, images, marked_flow, lambda _network, _flow: {})


def find_called(model: nn.Module, images: Callable[[Tensor], Tensor]) -> list[Node]:
    """The nodes of any network, for a graph that asks for no role and no attention either."""
    return nodes_of(model, images, called, lambda _network, _flow: {})


def finite(value: Tensor) -> float:
    """The score as a number.

    Raises:
        UndefinedScoreError: If it is not finite.
    """
    if not math.isfinite(value):
        raise UndefinedScoreError(f"The proxy has no finite value on this model (it gives {float(value)}).")
    return float(value)


@dataclass(frozen=True)
class OneNetwork:
    """The nodes of one network, where `autoprox.graph._segments.Segments` holds those of many.

    Args:
        position: Relative depth of each node in the network, in (0, 1], float64 `(N,)`.
    """

    position: Tensor

    @property
    def index(self) -> Tensor:
        """Index of each node, from 0."""
        return torch.arange(len(self.position), dtype=torch.float64)

    def sum(self, values: Tensor) -> Tensor:
        """Sum; like everything over all nodes, NaN without a node."""
        return values.sum() if len(values) else values.new_tensor(torch.nan)

    def mean(self, values: Tensor) -> Tensor:
        """Mean."""
        return values.mean()

    def max(self, values: Tensor) -> Tensor:
        """Maximum."""
        return values.amax() if len(values) else values.new_tensor(torch.nan)

    def min(self, values: Tensor) -> Tensor:
        """Minimum."""
        return values.amin() if len(values) else values.new_tensor(torch.nan)

    def first(self, values: Tensor) -> Tensor:
        """Value of the first node."""
        return values[0] if len(values) else values.new_tensor(torch.nan)

    def last(self, values: Tensor) -> Tensor:
        """Value of the last node."""
        return values[-1] if len(values) else values.new_tensor(torch.nan)

    def expand(self, value: Tensor) -> Tensor:
        """Value of the network, for each of its nodes: torch repeats it."""
        return value

    def rank(self, values: Tensor) -> Tensor:
        """Rank of each node, ties averaged, scaled to (0, 1]; NaN if the network holds a NaN."""
        below, equal = values[:, None] > values, values[:, None] == values
        places = below.sum(dim=1, dtype=torch.float64) + (equal.sum(dim=1, dtype=torch.float64) + 1) / 2
        return torch.where(values.isnan().any(), torch.nan, places / max(len(values), 1))

"""Code that an exported proxy contains: the collection of statistics and the nodes of one network, in torch alone.

`export.python` copies from here, and from the modules that are used here, what a graph needs. So this module and what
it takes from others at the time of a call must not need NumPy or networkx. One network is scored at a time; a value of
NODE is a float64 tensor `(N,)`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from autoprox.base.errors import UndefinedScoreError
from autoprox.base.isolation import isolated
from autoprox.inspect.nodes import Node, Role, Site
from autoprox.statistics.statistic import Given


def reduced(reduction: Callable[..., Tensor], *tensors: list[Tensor]) -> Tensor:
    """Applies a reduction to the tensors of each node, one node after the other."""
    with isolated():
        values = [
            reduction(*(each if each.dtype is torch.float64 else each.float() for each in row))
            for row in zip(*tensors, strict=True)
        ]
    return torch.stack(values).cpu() if values else torch.empty(0, dtype=torch.float64)


def selected(given: Given, values: Tensor, site: Site, held: frozenset[Role], kept: frozenset[Role]) -> Tensor:
    """Narrows values of the nodes with the roles `held` to those with the roles `kept`."""
    roles = [node.role for node in given.at(site) if node.role in held]
    return values[[index for index, role in enumerate(roles) if role in kept]]


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
        nodes: All nodes of a site.
        kept: Roles of the nodes with values.
    """

    nodes: list[Node]
    kept: frozenset[Role] = frozenset(Role)

    @property
    def position(self) -> Tensor:
        """Relative depth of each node in the network, in (0, 1], float64 `(N,)`."""
        total = len(self.nodes)
        depths = torch.arange(1, total + 1, dtype=torch.float64) / total
        return depths[[index for index, node in enumerate(self.nodes) if node.role in self.kept]]

    @property
    def place(self) -> Tensor:
        """Index of each node, from 0."""
        return torch.arange(sum(node.role in self.kept for node in self.nodes), dtype=torch.float64)

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

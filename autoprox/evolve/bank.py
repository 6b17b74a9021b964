"""The bank: leaf values available for all networks of fit and select, filled once and grown while evolution goes on."""

from collections.abc import Callable, Sequence

import numpy as np

from autoprox.bench.judging import Judge
from autoprox.evolve.leaves import first_bank, grown
from autoprox.graph import Expression, LeafTable, Leaves
from autoprox.networks.network import Network

Collect = Callable[[Sequence[Network], Sequence[Expression]], list[Leaves]]
"""Gives the values of leaves for each network, from the cache or computed."""


class Bank:
    """Leaf values of the networks of fit and select; both tables grow together.

    Args:
        collect: What collects values.
        fit: Judge of the fit split.
        select: Judge of the select split.
        more: Leaves to hold besides the first ones.
        beside: Leaves whose values are to be available as well, but which candidates are not made of.

    Attributes:
        fit: Values for the networks of fit.
        select: Values for those of select.
        leaves: All leaves, in the order in which they came.
    """

    def __init__(
        self,
        collect: Collect,
        fit: Judge,
        select: Judge,
        more: Sequence[Expression] = (),
        beside: Sequence[Expression] = (),
    ) -> None:
        self._collect = collect
        self._networks = [*fit.networks, *select.networks]
        self._cut = len(fit.networks)
        self.leaves = list(dict.fromkeys([*first_bank(), *more]))
        values = collect(self._networks, list(dict.fromkeys([*self.leaves, *beside])))
        self.fit, self.select = LeafTable(values[: self._cut]), LeafTable(values[self._cut :])

    def usable(self, leaves: Sequence[Expression]) -> list[Expression]:
        """Leaves that are finite on every network of fit."""
        return [each for each in leaves if np.isfinite(self.fit.leaf(each.digest)).all()]

    def grow(self, parents: Sequence[Expression], number: int, rng: np.random.Generator) -> list[Expression]:
        """Makes new leaves and adds them; returns those that can be used."""
        return self.extend(grown(self.leaves, parents, number, rng))

    def extend(self, leaves: Sequence[Expression]) -> list[Expression]:
        """Collects the values of more leaves; returns those that can be used."""
        values = self._collect(self._networks, leaves)
        self.fit.extend(values[: self._cut])
        self.select.extend(values[self._cut :])
        self.leaves.extend(leaves)
        return self.usable(leaves)

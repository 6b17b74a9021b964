"""The bank: leaf values available for all networks of fit and select, which grows during evolution."""

from collections.abc import Callable, Sequence

import numpy as np

from autoprox.bench.judging import Judge
from autoprox.evolve.leaves import first_bank, grown
from autoprox.graph import Expression, LeafTable, Leaves
from autoprox.networks.network import Network

Collect = Callable[[Sequence[Network], Sequence[Expression]], list[Leaves]]
"""Returns the values of leaves for each network, from the cache or computed."""


class Bank:
    """Leaf values of the networks of fit and select; both tables grow together.

    Args:
        collect: Collects values.
        fit: Judge of the fit split.
        select: Judge of the select split.
        more: Leaves in addition to the first ones.
        beside: Leaves with available values that are not used in candidates.

    Attributes:
        fit: Values for the networks of fit.
        select: Values for the networks of select.
        leaves: All leaves, in the order of their addition.
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
        """Leaves with finite values on every network of fit."""
        return [each for each in leaves if np.isfinite(self.fit.leaf(each.digest)).all()]

    def grow(self, parents: Sequence[Expression], number: int, rng: np.random.Generator) -> list[Expression]:
        """Makes new leaves and adds them; returns the usable ones."""
        return self.extend(grown(self.leaves, parents, number, rng))

    def extend(self, leaves: Sequence[Expression]) -> list[Expression]:
        """Collects the values of more leaves; returns the usable ones."""
        values = self._collect(self._networks, leaves)
        self.fit.extend(values[: self._cut])
        self.select.extend(values[self._cut :])
        self.leaves.extend(leaves)
        return self.usable(leaves)

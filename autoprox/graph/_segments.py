"""Segments of flat arrays: architectures differ in depth, so their node values are concatenated."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from autoprox.base.arrays import Floats
from autoprox.inspect.nodes import Role


@dataclass(frozen=True, eq=False)
class Segments:
    """Division of a flat array of node values into architectures.

    Args:
        lengths: Number of nodes of each architecture, shape `(A,)`, zeros allowed.
        position: Relative depth of each node in its architecture, in (0, 1], shape `(N,)` with `N = lengths.sum()`.

    Example:
        >>> segments = Segments(np.array([2, 0, 1]), np.array([0.5, 1.0, 1.0]))
        >>> segments.sum(np.array([1.0, 2.0, 5.0]))
        array([ 3., nan,  5.])
    """

    lengths: npt.NDArray[np.int64]
    position: Floats
    starts: npt.NDArray[np.int64] = field(init=False)
    _all_filled: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", np.concatenate(([0], np.cumsum(self.lengths)[:-1])).astype(np.int64))
        object.__setattr__(self, "_all_filled", bool((self.lengths > 0).all()))

    @classmethod
    def of_lengths(cls, lengths: npt.NDArray[np.int64]) -> "Segments":
        """Returns segments of whole architectures: the position of the i-th of n nodes (from 1) is i/n."""
        total = int(lengths.sum())
        ends = np.cumsum(lengths)
        index = np.arange(total) - np.repeat(ends - lengths, lengths)
        return cls(lengths.astype(np.int64), (index + 1) / np.repeat(np.maximum(lengths, 1), lengths))

    @cached_property
    def place(self) -> npt.NDArray[np.int64]:
        """Index of each node in its architecture, from 0, shape `(N,)`."""
        return np.arange(self.position.size) - np.repeat(self.starts, self.lengths)

    @cached_property
    def _filled(self) -> npt.NDArray[np.bool_]:
        return self.lengths > 0

    def _reduce(self, ufunc: np.ufunc, values: Floats) -> Floats:
        if self._all_filled:
            return np.asarray(ufunc.reduceat(values, self.starts))
        result = np.full(self.lengths.size, np.nan)
        if values.size:
            result[self._filled] = ufunc.reduceat(values, self.starts[self._filled])
        return result

    def sum(self, values: Floats) -> Floats:
        """Sum over each architecture, `(N,) -> (A,)`; NaN for an architecture without nodes."""
        return self._reduce(np.add, values)

    def max(self, values: Floats) -> Floats:
        """Maximum over each architecture, `(N,) -> (A,)`."""
        return self._reduce(np.maximum, values)

    def min(self, values: Floats) -> Floats:
        """Minimum over each architecture, `(N,) -> (A,)`."""
        return self._reduce(np.minimum, values)

    def mean(self, values: Floats) -> Floats:
        """Mean over each architecture, `(N,) -> (A,)`."""
        return self.sum(values) / self.lengths

    def first(self, values: Floats) -> Floats:
        """Value of the first node of each architecture, `(N,) -> (A,)`."""
        return self._pick(values, self.starts)

    def last(self, values: Floats) -> Floats:
        """Value of the last node of each architecture, `(N,) -> (A,)`."""
        return self._pick(values, self.starts + self.lengths - 1)

    def _pick(self, values: Floats, index: npt.NDArray[np.int64]) -> Floats:
        result = np.full(self.lengths.size, np.nan)
        result[self._filled] = values[index[self._filled]]
        return result

    def expand(self, per_architecture: Floats) -> Floats:
        """Repeats the value of each architecture for all its nodes, `(A,) -> (N,)`."""
        return np.repeat(per_architecture, self.lengths)

    def rank(self, values: Floats) -> Floats:
        """Rank of each node within its architecture, ties averaged, scaled to (0, 1], `(N,) -> (N,)`.

        NaN for an architecture with a NaN.
        """
        owner = np.repeat(np.arange(self.lengths.size), self.lengths)
        order = np.lexsort((values, owner))
        ordered, owners = values[order], owner[order]
        fresh = np.ones(values.size, dtype=bool)
        fresh[1:] = (ordered[1:] != ordered[:-1]) | (owners[1:] != owners[:-1])
        group = np.cumsum(fresh) - 1
        place = np.arange(values.size) - self.starts[owners] + 1.0
        averaged = np.bincount(group, weights=place) / np.bincount(group) if values.size else place
        ranks = np.empty(values.size)
        ranks[order] = averaged[group] / self.lengths[owners]
        broken = np.bincount(owner, weights=np.isnan(values), minlength=self.lengths.size) > 0
        ranks[broken[owner]] = np.nan
        return ranks


class SiteNodes:
    """Nodes of a site in the architectures of a block, and their subsets by role.

    Args:
        roles: Roles of the nodes in forward order, per architecture.

    Example:
        >>> nodes = SiteNodes([(Role.EMBED, Role.MLP), (Role.MLP,)])
        >>> nodes.segments(frozenset({Role.MLP})).lengths
        array([1, 1])
    """

    def __init__(self, roles: list[tuple[Role, ...]]) -> None:
        self.whole = Segments.of_lengths(np.array([len(each) for each in roles], dtype=np.int64))
        codes = {role: code for code, role in enumerate(Role)}
        self._codes = codes
        self._role_codes = np.array([codes[role] for each in roles for role in each], dtype=np.int64)
        self._subsets: dict[frozenset[Role], tuple[npt.NDArray[np.int64], Segments]] = {}
        self._narrowing: dict[tuple[frozenset[Role], frozenset[Role]], npt.NDArray[np.int64]] = {}

    def _subset(self, roles: frozenset[Role]) -> tuple[npt.NDArray[np.int64], Segments]:
        if roles not in self._subsets:
            kept = np.isin(self._role_codes, [self._codes[role] for role in roles])
            index = np.flatnonzero(kept)
            counted = np.concatenate(([0], np.cumsum(kept)))
            ends = self.whole.starts + self.whole.lengths
            lengths = counted[ends] - counted[self.whole.starts]
            segments = Segments(lengths.astype(np.int64), self.whole.position[index])
            self._subsets[roles] = (index, segments)
        return self._subsets[roles]

    def segments(self, roles: frozenset[Role]) -> Segments:
        """Returns the segments of the nodes with these roles."""
        return self._subset(roles)[1]

    def restrict(self, values: Floats, held: frozenset[Role], kept: frozenset[Role]) -> Floats:
        """Restricts values from nodes with the roles `held` to nodes with the roles `kept`, `(N,) -> (M,)`."""
        if held == kept:
            return values
        key = (held, kept)
        if key not in self._narrowing:
            within = np.isin(self._subset(held)[0], self._subset(kept)[0], assume_unique=True)
            self._narrowing[key] = np.flatnonzero(within)
        return values[self._narrowing[key]]

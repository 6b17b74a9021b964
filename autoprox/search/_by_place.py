"""The architectures that additive costs allow, if each place of a list has separate costs.

In a space around a trained network each linear map has its own size, so places are not exchangeable like the layers of
`closed`. The possible sums over the last places are computed place by place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import numpy.typing as npt

from autoprox.base.errors import SpecError
from autoprox.search.constraints import Bound, bounded
from autoprox.spaces import Arch, Space
from autoprox.spaces.costs import Cost
from autoprox.spaces.places import PlaceCosts, arch_of, places_of
from autoprox.spaces.task import TaskShape

_MOST_SUMS = 100_000
# Distinct sums over the last places; with more, bounds are kept by rejection.
_REPAIRS = 4
# Rounds through all places to bring a child within the bounds.


class Places:
    """The part of a space that bounds of additive costs allow, for one task.

    Args:
        space: The space.
        task: Number of classes and shape of the images.
        bounds: Bounds of additive costs, at least one.
        held: Costs of the choices, in the order in which the bounds first name them.

    Raises:
        SpecError: If no architecture is allowed; the message names the bounds and the possible costs.

    Attributes:
        size: Number of allowed architectures.
        total: Number of all architectures of the space.
    """

    def __init__(self, space: Space, task: TaskShape, bounds: Sequence[Bound], held: PlaceCosts) -> None:
        self.space = space
        self.task = task
        self.bounds = tuple(bounds)
        self._held = held
        self._low, self._high = _ends(self.bounds)
        self.total = len(held.added[0]) ** len(held.added)
        sums = self._sums[0]
        self.size = int(sums.ways[self._within(held.base + sums.sizes)].sum())
        if not self.size:
            raise SpecError(self._why_empty())

    @classmethod
    def fitting(cls, space: Space, task: TaskShape, bounds: Sequence[Bound]) -> "Places | None":
        """The allowed part of a space; None if its costs do not add up place by place, or have too many sums.

        Raises:
            SpecError: If no architecture is allowed.
        """
        held = PlaceCosts.of(space, task, costs_of(bounds)) if bounds else None
        if held is None or _suffixes(held.added) is None:
            return None
        return cls(space, task, bounds, held)

    def draw(self, rng: np.random.Generator) -> Arch:
        """Draws an allowed architecture, uniformly."""
        size, chosen = self._held.base, []
        for place, steps in enumerate(self._held.added):
            rooms = [self._room(size + step, place + 1) for step in steps]
            total = sum(rooms)
            choice = int(rng.choice(len(rooms), p=[room / total for room in rooms]))
            chosen.append(choice)
            size = size + steps[choice]
        return arch_of(self.space, chosen)

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Changes one gene as `Space.mutate` does, and others only as far as the bounds demand.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        before, after = (places_of(self.space, each) for each in (arch, self.space.mutate(arch, rng)))
        changed = [place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
        chosen = np.array(after)
        for _ in range(_REPAIRS):
            for place in rng.permutation(len(chosen)).tolist():
                if self._distance(chosen) == 0:
                    return arch_of(self.space, chosen.tolist())
                if place not in changed:
                    chosen = self._nearer(chosen, place, rng)
        return arch_of(self.space, chosen.tolist()) if self._distance(chosen) == 0 else self.draw(rng)

    def __iter__(self) -> Iterator[Arch]:
        def listed(size: npt.NDArray[np.int64], chosen: list[int]) -> Iterator[Arch]:
            if len(chosen) == len(self._held.added):
                yield arch_of(self.space, chosen)
                return
            for choice, step in enumerate(self._held.added[len(chosen)]):
                if self._room(size + step, len(chosen) + 1):
                    yield from listed(size + step, [*chosen, choice])

        yield from listed(self._held.base, [])

    @cached_property
    def _sums(self) -> "list[_Sums]":
        found = _suffixes(self._held.added)
        assert found is not None
        return found

    def _room(self, size: npt.NDArray[np.int64], place: int) -> int:
        """Number of choices from a place on that bring a network of this size within the bounds."""
        sums = self._sums[place]
        return int(sums.ways[self._within(size + sums.sizes)].sum())

    def _within(self, sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        return np.asarray(((sizes >= self._low) & (sizes <= self._high)).all(axis=-1))

    def _distance(self, chosen: npt.NDArray[np.int64]) -> float:
        """Distance of a choice from the bounds, relative to the bounds."""
        size = self._held.base + self._held.added[np.arange(len(chosen)), chosen].sum(axis=0)
        outside = np.maximum(np.maximum(self._low - size, size - self._high), 0)
        return float((outside / np.maximum(size, 1)).sum())

    def _nearer(self, chosen: npt.NDArray[np.int64], place: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """A random choice at one place that is nearer to the bounds; unchanged if none is."""
        others = [chosen.copy() for _ in self._held.added[place]]
        for choice, other in enumerate(others):
            other[place] = choice
        now = self._distance(chosen)
        near = [other for other in others if self._distance(other) < now]
        return near[rng.integers(len(near))] if near else chosen

    def _why_empty(self) -> str:
        sizes = self._held.base + self._sums[0].sizes
        ends = []
        for column, cost in enumerate(costs_of(self.bounds)):
            least, most = (cost.unit.text(int(each)) for each in (sizes[:, column].min(), sizes[:, column].max()))
            ends.append(f"{least} to {most} {cost.noun}")
        return (
            f"{bounded(self.bounds)} {'allows' if len(self.bounds) == 1 else 'together allow'} no architecture of "
            f"'{self.space.name}': they have {' and '.join(ends)}. Change the bounds, or choose another space."
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Possible sums over the last places.

    Args:
        sizes: `(n, costs)`, distinct sums.
        ways: `(n,)`, numbers of choices per sum, as Python integers, since they exceed 64 bits.
    """

    sizes: npt.NDArray[np.int64]
    ways: npt.NDArray[np.object_]


def costs_of(bounds: Sequence[Bound]) -> tuple[Cost, ...]:
    """The bounded costs, each once."""
    return tuple({bound.cost.name: bound.cost for bound in bounds}.values())


def _suffixes(added: npt.NDArray[np.int64]) -> list[_Sums] | None:
    """Sums from each place on; None if there are too many."""
    if prod(added.shape[1:]) * len(added) > _MOST_SUMS:
        return None
    found = [_Sums(np.zeros((1, added.shape[2]), dtype=np.int64), np.array([1], dtype=object))]
    for steps in reversed(added):
        later = found[-1]
        every = (later.sizes[None] + steps[:, None]).reshape(-1, added.shape[2])
        sizes, place = np.unique(every, axis=0, return_inverse=True)
        if len(sizes) > _MOST_SUMS:
            return None
        ways = np.zeros(len(sizes), dtype=object)
        np.add.at(ways, place.ravel(), np.tile(later.ways, len(steps)))
        found.append(_Sums(sizes, ways))
    return found[::-1]


def _ends(bounds: Sequence[Bound]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    costs = costs_of(bounds)
    low, high = dict.fromkeys(costs, 0), dict.fromkeys(costs, np.iinfo(np.int64).max)
    for bound in bounds:
        (low if bound.lower else high)[bound.cost] = int(bound.value)
    return np.array(list(low.values()), dtype=np.int64), np.array(list(high.values()), dtype=np.int64)

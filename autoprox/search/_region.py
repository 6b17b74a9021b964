"""The architectures that constraints allow: drawn, varied and, if possible, counted and listed.

Bounds of additive costs are kept by construction if the space has closed forms: `closed` for exchangeable layers,
`by_place` for lists of fixed length with separate costs per place. Other bounds are kept by rejection: architectures
are drawn until one is allowed, a limited number of times, and `acceptance` has the share of allowed draws.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.search._by_place import Places
from autoprox.search._closed import ClosedForms
from autoprox.search._whole import WholeSpace
from autoprox.search.constraints import Bound, Constraints, bounded
from autoprox.spaces import Arch, Space, TaskShape
from autoprox.spaces.costs import MACS, PARAMS, Cost
from autoprox.spaces.task import Task

TRIES, MEASURED_TRIES = 1000, 200
"""Largest number of draws for one allowed architecture, and the same if a cost has to be measured for each."""
LISTABLE = 1000
"""Largest number of architectures that are checked one by one, so that no allowed one is missed."""

_VARIATIONS = 20
# Consecutive children of one parent outside the bounds, before an architecture is drawn instead.
_CLIMBS = 20
# Draws; the climb to the largest architecture starts from the largest of them.


class NothingAllowedError(SpecError):
    """No architecture is allowed, or none was found."""


class Pilot(NamedTuple):
    """Share of allowed draws, for bounds that are kept by rejection.

    Args:
        tried: Architectures that were drawn.
        kept: Number of allowed ones among them.
    """

    tried: int
    kept: int


class Region:
    """The part of a space that constraints allow, for one task.

    Args:
        space: The space.
        task: Number of classes and shape of the images, which costs depend on.
        constraints: The constraints.

    Raises:
        SpecError: If no architecture is allowed; the message names the constraints that exclude them all, and the
            possible costs. Also if the space does not take the task's images.

    Attributes:
        size: Number of allowed architectures; None if unknown.
        total: Number of all architectures of the space; None if unknown.

    Example:
        >>> from autoprox.spaces.task import noise_task
        >>> from autoprox.spaces import load_space
        >>> tiny, task = load_space("autoformer-ti"), noise_task("noise", 1000, 224)
        >>> region = Region(tiny, task, Constraints(max_params=5_300_000))
        >>> region.size, region.total
        (4096, 1056964608)
        >>> region.costs(region.largest())["params"]
        5273896
        >>> Region(tiny, task, Constraints(max_params=5_000_000))
        Traceback (most recent call last):
        ...
        autoprox.base.errors.SpecError: max_params 5,000,000 allows no architecture of 'autoformer-ti' (1000 \
classes, 224 px): they have 5,273,896 to 10,194,040 parameters. Change it, or choose another space.
    """

    def __init__(self, space: Space, task: Task, constraints: Constraints) -> None:
        self.space = space
        self.task = task
        self.constraints = constraints
        self._shape = space.check_task(*task.shape)
        additive = tuple(bound for bound in constraints.bounds if bound.cost.additive)
        self._source = _source(space, self._shape, additive)
        exact = () if isinstance(self._source, WholeSpace) else additive
        self._tested = tuple(bound for bound in constraints.bounds if bound not in exact)
        self._known: dict[tuple[str, Arch], int | float] = {}
        self._tried = self._kept = 0
        self.total = self._source.total
        self.size = self._source.size
        if self._tested:
            self.size = self._listed_size() if self.listable and not self.measured else None

    @property
    def measured(self) -> tuple[Cost, ...]:
        """Bounded costs that have to be measured for each drawn architecture."""
        return tuple(dict.fromkeys(bound.cost for bound in self._tested if bound.cost.measured))

    @property
    def listable(self) -> bool:
        """True if all architectures can be checked one by one."""
        return self.listed is not None and self.listed <= LISTABLE

    @property
    def listed(self) -> int | None:
        """Number of architectures to check in order to list the region; None if unknown."""
        return self._source.size

    @property
    def acceptance(self) -> Pilot | None:
        """Number of allowed architectures among the draws so far; None if every draw is allowed by construction."""
        return Pilot(self._tried, self._kept) if self._tested else None

    def cost(self, cost: Cost, arch: Arch) -> int | float:
        """Cost of a network of the architecture for the task.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        key = (cost.name, arch)
        if key not in self._known:
            value = cost.of(self.space, arch, self._shape)
            if cost.additive:  # a sum, which is cheap
                return value
            self._known[key] = value
        return self._known[key]

    def costs(self, arch: Arch) -> dict[str, int | float]:
        """Parameters, multiply-accumulates and all bounded costs, by name."""
        wanted = dict.fromkeys((PARAMS, MACS, *self.constraints.costs))
        return {cost.name: self.cost(cost, arch) for cost in wanted}

    def allows(self, arch: Arch) -> bool:
        """True if an architecture of the space is allowed."""
        return all(bound.allows(self.cost(bound.cost, arch)) for bound in self.constraints.bounds)

    def pilot(self, draws: int, rng: np.random.Generator) -> Pilot:
        """Estimates the share of allowed architectures by draws that do not count as draws of a search."""
        kept = sum(self._passes(self._source.draw(rng)) for _ in range(draws))
        return Pilot(draws, kept)

    def draw(self, rng: np.random.Generator) -> Arch:
        """Draws an allowed architecture: the distribution of `Space.sample`, given that it is allowed.

        Raises:
            NothingAllowedError: If none of a limited number of draws is allowed.
        """
        tries = MEASURED_TRIES if self.measured else TRIES
        for _ in range(tries if self._tested else 1):
            arch = self._source.draw(rng)
            if self._accepts(arch):
                return arch
        if self.size is not None:
            # The few allowed ones of a small space were listed.
            allowed = list(self)
            return allowed[rng.integers(len(allowed))]
        raise NothingAllowedError(
            f"{bounded(self._tested)}: none of {tries:,} draws from '{self.space.name}' is allowed; {self._ranges(rng)}"
            ". Change the bounds, or choose another space."
        )

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Changes one gene as `Space.mutate` does, and others only as far as the constraints demand.

        Bounds without closed forms are checked on a number of children; then an architecture is drawn instead.

        Args:
            arch: An allowed architecture.
            rng: Source of all draws.

        Returns:
            An allowed architecture; if the bounds are narrow, it may be the same one.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        for _ in range(_VARIATIONS if self._tested else 1):
            child = self._source.mutate(arch, rng)
            if self._accepts(child):
                return child
        try:
            return self.draw(rng)
        except NothingAllowedError:
            return arch

    def largest(self) -> Arch:
        """The allowed architecture with the most parameters, then the most multiply-accumulates.

        If the region cannot be listed, it is the result of a climb from the largest of some draws.
        """
        if not self._tested and isinstance(self._source, ClosedForms):
            return self._source.largest()
        if self.listable:
            return max(self, key=self._extent)
        rng = np.random.default_rng(0)
        top = max((self.draw(rng) for _ in range(_CLIMBS)), key=self._extent)
        while True:
            larger = [arch for arch in self.space.neighbours(top) if self._extent(arch) > self._extent(top)]
            found = next((arch for arch in sorted(larger, key=self._extent, reverse=True) if self.allows(arch)), None)
            if found is None:
                return top
            top = found

    def __iter__(self) -> Iterator[Arch]:
        return (arch for arch in self._source if self._passes(arch))

    def _extent(self, arch: Arch) -> tuple[float, float]:
        return self.cost(PARAMS, arch), self.cost(MACS, arch)

    def _passes(self, arch: Arch) -> bool:
        return all(bound.allows(self.cost(bound.cost, arch)) for bound in self._tested)

    def _accepts(self, arch: Arch) -> bool:
        passes = self._passes(arch)
        self._tried += 1
        self._kept += passes
        return passes

    def _listed_size(self) -> int:
        count = sum(1 for _ in self)
        if not count:
            raise NothingAllowedError(
                f"{bounded(self._tested)} allows no architecture of '{self.space.name}'; {_reach(self, self._source)}. "
                "Change the bounds, or choose another space."
            )
        return count

    def _ranges(self, rng: np.random.Generator) -> str:
        return _reach(self, [self._source.draw(rng) for _ in range(_CLIMBS)])


def _source(space: Space, task: TaskShape, additive: Sequence[Bound]) -> ClosedForms | Places | WholeSpace:
    """The set from which architectures are drawn: the part that additive bounds allow, if it has closed forms.

    Raises:
        SpecError: If the bounds allow nothing.
    """
    if ClosedForms.fit(space, task, additive):
        return ClosedForms(space, task, additive)
    return Places.fitting(space, task, additive) or WholeSpace(space)


def _reach(region: Region, archs: Iterable[Arch]) -> str:
    """Ranges of costs of architectures, as a part of a sentence."""
    costs = [bound.cost for bound in region._tested]
    rows = [[region.cost(cost, arch) for cost in costs] for arch in archs]
    ends = [(cost, min(column), max(column)) for cost, column in zip(costs, zip(*rows, strict=True), strict=True)]
    return "; ".join(f"{cost.noun}: {cost.unit.text(low)} to {cost.unit.text(high)}" for cost, low, high in ends)

"""How candidates are proposed: regularised evolution, random draws, or everything.

A method sees what was scored so far and proposes the next candidates, a batch at a time; a batch is scored in
parallel, so its size is a setting, and never the number of processes.
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import islice

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.base.errors import SpecError
from autoprox.search.region import Region
from autoprox.search.scoring import Measured
from autoprox.spaces import Arch

CHUNK = 64
"""Candidates a batch where none depends on another."""

_RETRIES = 50
# Children, and then draws, that may have been seen before in a row: more often only where nearly all have been.


class Method(StrEnum):
    """How candidates are proposed."""

    EVOLUTION = "evolution"
    RANDOM = "random"
    EXHAUSTIVE = "exhaustive"


@dataclass(frozen=True, slots=True)
class Evolution:
    """Settings of the regularised evolution.

    Args:
        population: How many of the latest candidates may become parents; the first so many are drawn at random.
        tournament: How many of these are drawn for a place; the best of them becomes the parent.
        children: Candidates a batch, whose parents are chosen before any of them is scored; 1 is the published method.

    Raises:
        SpecError: If a number is below 1, or the tournament is larger than the population.
    """

    population: int = 50
    tournament: int = 10
    children: int = 8

    def __post_init__(self) -> None:
        for name, value in self.to_document().items():
            if value < 1:
                raise SpecError(f"--{name} is {value}; it must be at least 1.")
        if self.tournament > self.population:
            raise SpecError(
                f"--tournament {self.tournament} is more than the --population of {self.population} that it is drawn "
                "from; give at most as many."
            )

    def to_document(self) -> dict[str, int]:
        """The settings as JSON-like data."""
        return asdict(self)


class History:
    """Everything that was scored so far, in its order.

    Args:
        join: From the parts of all candidates `(P, A)` to their scores `(A,)`.
    """

    def __init__(self, join: Callable[[Floats], Floats]) -> None:
        self.archs: list[Arch] = []
        self.measured: list[Measured] = []
        self._join = join
        self._seen: set[Arch] = set()
        self._scores: Floats = np.empty(0)

    def __len__(self) -> int:
        return len(self.archs)

    def __contains__(self, arch: object) -> bool:
        return arch in self._seen

    def add(self, arch: Arch, measured: Measured) -> None:
        """Records a candidate."""
        self.archs.append(arch)
        self.measured.append(measured)
        self._seen.add(arch)

    @property
    def scores(self) -> Floats:
        """`(A,)`; NaN where a candidate has no finite score. Of a scorer that ranks: the ranks among all so far."""
        if len(self._scores) != len(self.archs):
            self._scores = self._join(np.array([each.parts for each in self.measured], dtype=np.float64).T)
        return self._scores


def proposals(
    method: Method, region: Region, history: History, rng: np.random.Generator, settings: Evolution
) -> Iterator[list[Arch]]:
    """Batches of distinct allowed candidates that were not scored yet, until there are none.

    The caller adds each batch to the history, in its order, before it asks for the next.
    """
    if method is Method.EXHAUSTIVE:
        left = iter(region)
        while batch := list(islice(left, CHUNK)):
            yield batch
    elif method is Method.RANDOM:
        while batch := _new(region, history, CHUNK, lambda: region.draw(rng), rng):
            yield batch
    else:
        yield from _evolution(region, history, rng, settings)


def _evolution(region: Region, history: History, rng: np.random.Generator, settings: Evolution) -> Iterator[list[Arch]]:
    """Regularised evolution: the oldest of the population dies, whatever its score.

    Real 2019, Regularized Evolution for Image Classifier Architecture Search, https://arxiv.org/abs/1802.01548,
    Algorithm 1. So the population are the latest candidates, and there is no other state.
    """

    def child() -> Arch:
        latest = rng.choice(settings.population, size=settings.tournament, replace=False) + 1
        scores = history.scores[-latest]
        winner = int(latest[np.argmax(np.where(np.isnan(scores), -np.inf, scores))])
        return region.mutate(history.archs[-winner], rng)

    while len(history) < settings.population:
        missing = settings.population - len(history)
        batch = _new(region, history, missing, lambda: region.draw(rng), rng)
        if not batch:
            return
        yield batch
    while batch := _new(region, history, settings.children, child, rng):
        yield batch


def _new(
    region: Region, history: History, wanted: int, make: Callable[[], Arch], rng: np.random.Generator
) -> list[Arch]:
    """As many candidates as wanted that are neither scored nor equal; fewer where no more are left."""
    batch: list[Arch] = []
    while len(batch) < min(wanted, region.size - len(history)):
        batch.append(_unseen(region, (history, batch), make, rng))
    return batch


def _unseen(
    region: Region, taken: tuple[Container[Arch], ...], make: Callable[[], Arch], rng: np.random.Generator
) -> Arch:
    """A candidate that is not taken, of which there is one: made, else drawn, else the first in the region's order."""
    for source in (make, lambda: region.draw(rng)):
        for _ in range(_RETRIES):
            arch = source()
            if not any(arch in each for each in taken):
                return arch
    return next(arch for arch in region if not any(arch in each for each in taken))

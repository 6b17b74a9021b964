"""Regularised evolution: the oldest member of the population dies, regardless of its score."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from autoprox.base.errors import SpecError
from autoprox.search._pareto import nondominated
from autoprox.search._region import Region
from autoprox.search.methods._base import AbstractMethod, History, new_candidates
from autoprox.spaces import Arch
from autoprox.spaces.costs import Cost

FIRST_BATCH = 256
"""Random candidates per batch, so that a large population does not delay the first scores."""

Winner = Callable[[npt.NDArray[np.int64]], int]
"""Maps the ages of a tournament's members in the history, 1 for the latest, to the age of its winner."""


@final
@dataclass(frozen=True)
class Evolution(AbstractMethod):
    """Regularised evolution.

    Real 2019, Regularized Evolution for Image Classifier Architecture Search, https://arxiv.org/abs/1802.01548,
    Algorithm 1. The population consists of the latest candidates, and there is no other state.

    Args:
        population: Number of latest candidates that may become parents; as many are drawn at random first.
        tournament: Number of them drawn per tournament; the best one becomes the parent.
        children: Candidates per batch; their parents are chosen before any is scored. 1 is the published method.

    Raises:
        SpecError: If a number is below 1, or the tournament is larger than the population.
    """

    population: int = 50
    tournament: int = 10
    children: int = 8
    name: ClassVar[str] = "evolution"

    def __post_init__(self) -> None:
        _check(self)

    def proposals(self, region: Region, history: History, rng: np.random.Generator) -> Iterator[list[Arch]]:
        """Random candidates first, then children of the latest ones."""

        def best(latest: npt.NDArray[np.int64]) -> int:
            scores = history.scores[-latest]
            return int(latest[np.argmax(np.where(np.isnan(scores), -np.inf, scores))])

        return _generations(self, region, history, rng, best)


@final
@dataclass(frozen=True)
class ParetoEvolution(AbstractMethod):
    """Regularised evolution towards a front: the parent is drawn among the non-dominated members of a tournament.

    A candidate dominates another if it is at least as good in score and in each cost, and better in one of them.

    Args:
        costs: Costs against which the score is traded.
        population: As for `Evolution`.
        tournament: As for `Evolution`.
        children: As for `Evolution`.

    Raises:
        SpecError: If there is no cost, a number is below 1, or the tournament is larger than the population.
    """

    costs: tuple[Cost, ...]
    population: int = 50
    tournament: int = 10
    children: int = 8
    name: ClassVar[str] = "pareto evolution"

    def __post_init__(self) -> None:
        if not self.costs:
            raise SpecError("A front needs at least one cost; give one in `costs`.")
        _check(self)

    def to_document(self) -> dict[str, Any]:
        """The settings as JSON-compatible data."""
        numbers = {name: getattr(self, name) for name in ("population", "tournament", "children")}
        return {**numbers, "costs": [cost.identity for cost in self.costs]}

    def proposals(self, region: Region, history: History, rng: np.random.Generator) -> Iterator[list[Arch]]:
        """Random candidates first, then children of the latest ones."""

        def one_of_the_front(latest: npt.NDArray[np.int64]) -> int:
            scores = np.nan_to_num(-history.scores[-latest], nan=np.inf)
            archs = [history.archs[-back] for back in latest.tolist()]
            costs = [[region.cost(cost, arch) for arch in archs] for cost in self.costs]
            unbeaten = latest[nondominated(np.array([scores, *costs], dtype=np.float64).T)]
            return int(rng.choice(unbeaten))

        return _generations(self, region, history, rng, one_of_the_front)


def _generations(
    settings: Evolution | ParetoEvolution, region: Region, history: History, rng: np.random.Generator, winner: Winner
) -> Iterator[list[Arch]]:
    def child() -> Arch:
        latest = rng.choice(settings.population, size=settings.tournament, replace=False) + 1
        return region.mutate(history.archs[-winner(latest)], rng)

    while len(history) < settings.population:
        wanted = min(settings.population - len(history), FIRST_BATCH)
        batch = new_candidates(region, history, wanted, lambda: region.draw(rng), rng)
        if not batch:
            return
        yield batch
    while batch := new_candidates(region, history, settings.children, child, rng):
        yield batch


def _check(settings: Evolution | ParetoEvolution) -> None:
    for name in ("population", "tournament", "children"):
        if getattr(settings, name) < 1:
            raise SpecError(f"`{name}` is {getattr(settings, name)}; it must be at least 1.")
    if settings.tournament > settings.population:
        raise SpecError(
            f"A tournament of {settings.tournament} is larger than its population of {settings.population}; "
            "give at most as many."
        )

"""Regularised evolution: the oldest of the population dies, whatever its score."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.search._region import Region
from autoprox.search.methods._base import AbstractMethod, History, new_candidates
from autoprox.spaces import Arch

FIRST_BATCH = 256
"""Random candidates that are drawn at once, so that a large population does not mean a long wait."""


@final
@dataclass(frozen=True)
class Evolution(AbstractMethod):
    """Regularised evolution.

    Real 2019, Regularized Evolution for Image Classifier Architecture Search, https://arxiv.org/abs/1802.01548,
    Algorithm 1. So the population are the latest candidates, and there is no other state.

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
    name: ClassVar[str] = "evolution"

    def __post_init__(self) -> None:
        for name, value in self.to_document().items():
            if value < 1:
                raise SpecError(f"`{name}` is {value}; it must be at least 1.")
        if self.tournament > self.population:
            raise SpecError(
                f"A tournament of {self.tournament} is more than the population of {self.population} that it is drawn "
                "from; give at most as many."
            )

    def proposals(self, region: Region, history: History, rng: np.random.Generator) -> Iterator[list[Arch]]:
        """First random candidates, then children of the latest."""

        def child() -> Arch:
            latest = rng.choice(self.population, size=self.tournament, replace=False) + 1
            scores = history.scores[-latest]
            winner = int(latest[np.argmax(np.where(np.isnan(scores), -np.inf, scores))])
            return region.mutate(history.archs[-winner], rng)

        while len(history) < self.population:
            wanted = min(self.population - len(history), FIRST_BATCH)
            batch = new_candidates(region, history, wanted, lambda: region.draw(rng), rng)
            if not batch:
                return
            yield batch
        while batch := new_candidates(region, history, self.children, child, rng):
            yield batch

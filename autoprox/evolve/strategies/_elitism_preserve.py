"""Algorithm 1 of Auto-Prox, elitism-preserving search (Wei 2024, https://arxiv.org/abs/2312.09059), in batches."""

from collections.abc import Sequence
from typing import final

from autoprox.evolve._individual import Individual, Proposal
from autoprox.evolve.strategies._elites import AbstractElitism


@final
class ElitismPreserve(AbstractElitism):
    """A child joins only if it passes its parent by a margin; the worst member leaves for it."""

    def offspring(self, parents: Sequence[Individual]) -> list[Proposal]:
        """A child of every parent."""
        return [self._breeder.mutant(parent) for parent in parents]

    def children(self, answers: Sequence[Individual | None]) -> Sequence[Individual | None]:
        """The children themselves."""
        return answers

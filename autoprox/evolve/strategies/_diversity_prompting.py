"""Diversity-prompting selection of EMQ (Dong 2023, https://arxiv.org/abs/2307.10554), on the population of Algorithm 1.

Every child meets a candidate that is drawn from nothing, and only the fitter of the two may join: a population that
has run dry, whose children are no better than chance, is refreshed. Half of the budget goes to the drawn ones.
"""

from collections.abc import Sequence
from typing import final

from autoprox.evolve._individual import Individual, Proposal
from autoprox.evolve.strategies._elites import AbstractElitism


@final
class DiversityPrompting(AbstractElitism):
    """A child has to beat a fresh candidate as well as its parent; if the fresh one is fitter, it takes its place.

    A round makes `parents` children and as many fresh candidates.
    """

    def offspring(self, parents: Sequence[Individual]) -> list[Proposal]:
        """A child of every parent, each followed by the fresh tree that it has to beat."""
        pairs = [(self._breeder.mutant(parent), self._breeder.fresh()) for parent in parents]
        return [proposal for pair in pairs for proposal in pair]

    def children(self, answers: Sequence[Individual | None]) -> Sequence[Individual | None]:
        """The fitter of every pair."""
        return [_winner(*pair) for pair in zip(answers[::2], answers[1::2], strict=True)]


def _winner(child: Individual | None, fresh: Individual | None) -> Individual | None:
    """The fitter of the two; the child where they are equal."""
    if child is None:
        return fresh
    return fresh if fresh is not None and fresh.fitness > child.fitness else child

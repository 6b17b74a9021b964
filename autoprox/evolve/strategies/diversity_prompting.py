"""Diversity-prompting selection of EMQ (Dong 2023, https://arxiv.org/abs/2307.10554), on the population of Algorithm 1.

Every child meets a candidate that is drawn from nothing, and only the fitter of the two may join: a population that
has run dry, whose children are no better than chance, is refreshed. Half of the budget goes to the drawn ones.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, final

from autoprox.evolve.breeding import Breeder
from autoprox.evolve.individual import Individual, Proposal
from autoprox.evolve.strategies.base import AbstractSettings, AbstractStrategy
from autoprox.evolve.strategies.elites import Elites, ElitesSettings


@final
class DiversityPrompting(AbstractStrategy):
    """A child has to beat a fresh candidate as well as its parent; if the fresh one is fitter, it takes its place.

    Args:
        settings: Settings of the population; a round makes `parents` children and as many fresh candidates.
        breeder: Makes proposals.
    """

    settings_type: ClassVar[type[AbstractSettings]] = ElitesSettings

    def __init__(self, settings: ElitesSettings, breeder: Breeder) -> None:
        self._settings = settings
        self._breeder = breeder
        self._elites = Elites(settings, breeder)

    def propose(self) -> list[Proposal]:
        """New trees until the population is full; afterwards each child with the fresh tree that it has to beat."""
        if not self._elites.full:
            return [self._breeder.fresh() for _ in range(self._settings.parents)]
        pairs = [(self._breeder.mutant(parent), self._breeder.fresh()) for parent in self._elites.parents()]
        return [proposal for pair in pairs for proposal in pair]

    def learn(self, answers: Sequence[Individual | None]) -> None:
        """Fills the population, or sends the winner of every pair against the parent."""
        if not self._elites.full:
            self._elites.fill(answers)
        else:
            self._elites.settle([_winner(*pair) for pair in zip(answers[::2], answers[1::2], strict=True)])

    @property
    def members(self) -> Sequence[Individual]:
        """The population."""
        return self._elites.members

    def admit(self, migrants: Sequence[Individual]) -> None:
        """Takes migrants in for the worst members."""
        self._elites.admit(migrants)

    def state(self) -> dict[str, Any]:
        """Members and slots."""
        return self._elites.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up a stored state."""
        self._elites.restore(state)


def _winner(child: Individual | None, fresh: Individual | None) -> Individual | None:
    """The fitter of the two; the child where they are equal."""
    if child is None:
        return fresh
    return fresh if fresh is not None and fresh.fitness > child.fitness else child

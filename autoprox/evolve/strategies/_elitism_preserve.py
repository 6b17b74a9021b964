"""Algorithm 1 of Auto-Prox, elitism-preserving search (Wei 2024, https://arxiv.org/abs/2312.09059), in batches."""

from collections.abc import Sequence
from typing import Any, ClassVar, final

from autoprox.evolve._individual import Individual, Proposal
from autoprox.evolve.breeding import Breeder
from autoprox.evolve.strategies._base import AbstractSettings, AbstractStrategy
from autoprox.evolve.strategies._elites import Elites, ElitesSettings


@final
class ElitismPreserve(AbstractStrategy):
    """A child enters only if it exceeds its parent by a margin, in place of the worst member.

    Args:
        settings: Settings.
        breeder: Makes proposals.
    """

    settings_type: ClassVar[type[AbstractSettings]] = ElitesSettings

    def __init__(self, settings: ElitesSettings, breeder: Breeder) -> None:
        self._settings = settings
        self._breeder = breeder
        self._elites = Elites(settings, breeder)

    def ask(self) -> list[Proposal]:
        """Fresh trees until the population is full, a mutant of each parent afterwards."""
        if not self._elites.full:
            return [self._breeder.fresh() for _ in range(self._settings.parents)]
        return [self._breeder.mutant(parent) for parent in self._elites.parents()]

    def tell(self, answers: Sequence[Individual | None]) -> None:
        """Fills the population, or admits the children that exceed their parents."""
        if not self._elites.full:
            self._elites.fill(answers)
        else:
            self._elites.settle(answers)

    @property
    def members(self) -> Sequence[Individual]:
        """The population."""
        return self._elites.members

    def admit(self, migrants: Sequence[Individual]) -> None:
        """Admits migrants in place of the worst members."""
        self._elites.admit(migrants)

    def state(self) -> dict[str, Any]:
        """Members and slots."""
        return self._elites.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Restores a stored state."""
        self._elites.restore(state)

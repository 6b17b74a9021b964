"""Random search: the baseline that every other strategy has to beat at equal budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

from autoprox.evolve._individual import Individual, Proposal
from autoprox.evolve.breeding import Breeder
from autoprox.evolve.strategies._base import AbstractSettings, AbstractStrategy


@dataclass(frozen=True)
class RandomSettings(AbstractSettings):
    """Settings of random search.

    Args:
        batch: Trees a round.

    Raises:
        SpecError: If it is below 1.
    """

    batch: int = 64

    def __post_init__(self) -> None:
        self.require_counts("batch")


@final
class RandomStrategy(AbstractStrategy):
    """Draws every tree from nothing, like the first population of the other strategies, and learns nothing.

    Args:
        settings: Settings.
        breeder: Makes proposals.
    """

    settings_type: ClassVar[type[AbstractSettings]] = RandomSettings

    def __init__(self, settings: RandomSettings, breeder: Breeder) -> None:
        self._settings = settings
        self._breeder = breeder

    def ask(self) -> list[Proposal]:
        """Fresh trees."""
        return [self._breeder.fresh() for _ in range(self._settings.batch)]

    def tell(self, answers: Sequence[Individual | None]) -> None:
        """Forgets them."""

    @property
    def members(self) -> Sequence[Individual]:
        """Nobody; the bank grows by drawn leaves alone."""
        return ()

    def admit(self, migrants: Sequence[Individual]) -> None:
        """Has no place for them."""

    def state(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Has nothing to take up."""

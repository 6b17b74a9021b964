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
        batch: Trees per round.

    Raises:
        SpecError: If the batch is below 1.
    """

    batch: int = 64

    def __post_init__(self) -> None:
        self.require_counts("batch")


@final
class RandomStrategy(AbstractStrategy):
    """Draws every tree independently, like the first population of the other strategies, and does not learn.

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
        """Ignored: random search does not learn."""

    @property
    def members(self) -> Sequence[Individual]:
        """Empty, so that the bank grows by random leaves alone."""
        return ()

    def admit(self, migrants: Sequence[Individual]) -> None:
        """Ignored: random search has no population."""

    def state(self) -> dict[str, Any]:
        """Empty: random search has no state."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Ignored: random search has no state."""

"""Interface of strategies, which propose candidates and receive their fitness. The engine does everything else."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from autoprox.base.errors import SpecError, suggestion
from autoprox.evolve._individual import Individual, Proposal
from autoprox.evolve.breeding import Breeder


@dataclass(frozen=True)
class AbstractSettings:
    """Settings of a strategy: numbers with defaults, independent of the budget, so that a run can be extended."""

    @classmethod
    def read(cls, given: Sequence[str]) -> Self:
        """Reads settings from texts, as on a command line.

        Args:
            given: Texts of the form NAME=VALUE.

        Raises:
            SpecError: If a name is unknown, or a value is not of its type or out of range.
        """
        types: dict[str, type] = {each.name: type(getattr(cls, each.name)) for each in fields(cls)}
        values: dict[str, Any] = {}
        for text in given:
            name, mark, value = text.partition("=")
            if not mark:
                raise SpecError(f"The setting '{text}' is not of the form NAME=VALUE. {suggestion(name, types)}")
            if name not in types:
                raise SpecError(f"Unknown setting '{name}'. {suggestion(name, types)}")
            if name in values:
                raise SpecError(f"The setting '{name}' is given twice; give it once.")
            try:
                values[name] = types[name](value)
            except ValueError as error:
                wanted = "a whole number" if types[name] is int else "a number"
                raise SpecError(f"The setting '{name}' is '{value}'; it must be {wanted}.") from error
        return cls(**values)

    def require_counts(self, *names: str) -> None:
        """Refuses settings below 1.

        Raises:
            SpecError: If a setting is below 1.
        """
        for name in names:
            if getattr(self, name) < 1:
                raise SpecError(f"The setting '{name}' must be at least 1, not {getattr(self, name)}.")

    def require_share(self, name: str) -> None:
        """Refuses a setting outside (0, 1].

        Raises:
            SpecError: If the setting is outside.
        """
        if not 0 < getattr(self, name) <= 1:
            raise SpecError(f"The setting '{name}' must be above 0 and at most 1, not {getattr(self, name)}.")

    def require_finite(self, name: str) -> None:
        """Refuses a setting that is infinite or NaN.

        Raises:
            SpecError: If the setting is not finite.
        """
        if not math.isfinite(getattr(self, name)):
            raise SpecError(f"The setting '{name}' must be a finite number, not {getattr(self, name)}.")


class AbstractStrategy(ABC):
    """Proposes candidates and receives their evaluations.

    A strategy draws from `breeder.rng` alone. Its state consists of its members and the result of `state`, so that a
    restored strategy continues exactly like the stored one.
    """

    settings_type: ClassVar[type[AbstractSettings]]
    measures_beyond: ClassVar[bool] = False
    """True if the strategy uses the correlation of candidates beyond size."""

    @abstractmethod
    def __init__(self, settings: Any, breeder: Breeder) -> None:
        """Initialises the strategy before its first proposal."""

    @abstractmethod
    def ask(self) -> list[Proposal]:
        """The proposals of the next round, at least one."""

    @abstractmethod
    def tell(self, answers: Sequence[Individual | None]) -> None:
        """Receives the candidates of the last proposals, in order; None for an invalid one."""

    @property
    @abstractmethod
    def members(self) -> Sequence[Individual]:
        """Current population."""

    @abstractmethod
    def admit(self, migrants: Sequence[Individual]) -> None:
        """Admits members of another island."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """State to store, as JSON-compatible data."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Restores a stored state."""

"""Interface of strategies: they propose candidates and learn their fitness. The engine does everything else."""

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
    """Settings of a strategy: numbers with defaults. None depends on the budget, so that a run can be extended."""

    @classmethod
    def read(cls, given: Sequence[str]) -> Self:
        """Reads settings as they stand on a command line.

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
            SpecError: If one is.
        """
        for name in names:
            if getattr(self, name) < 1:
                raise SpecError(f"The setting '{name}' must be at least 1, not {getattr(self, name)}.")

    def require_share(self, name: str) -> None:
        """Refuses a setting outside (0, 1].

        Raises:
            SpecError: If it is.
        """
        if not 0 < getattr(self, name) <= 1:
            raise SpecError(f"The setting '{name}' must be above 0 and at most 1, not {getattr(self, name)}.")

    def require_finite(self, name: str) -> None:
        """Refuses a setting that is infinite or no number.

        Raises:
            SpecError: If it is.
        """
        if not math.isfinite(getattr(self, name)):
            raise SpecError(f"The setting '{name}' must be a finite number, not {getattr(self, name)}.")


class AbstractStrategy(ABC):
    """Proposes candidates and learns what they were worth.

    A strategy draws from `breeder.rng` alone, and its state is its members and what `state` says of them, so that a
    strategy that is restored goes on exactly as the one that was stored.
    """

    settings_type: ClassVar[type[AbstractSettings]]
    measures_beyond: ClassVar[bool] = False
    """Whether it needs to be told what candidates are worth beyond size."""

    @abstractmethod
    def __init__(self, settings: Any, breeder: Breeder) -> None:
        """Makes the strategy before its first proposal."""

    @abstractmethod
    def ask(self) -> list[Proposal]:
        """The proposals of the next round, at least one."""

    @abstractmethod
    def tell(self, answers: Sequence[Individual | None]) -> None:
        """Takes what the proposals turned out to be, in their order; None for one that is not valid."""

    @property
    @abstractmethod
    def members(self) -> Sequence[Individual]:
        """Individuals that it breeds from."""

    @abstractmethod
    def admit(self, migrants: Sequence[Individual]) -> None:
        """Takes members of another island in."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """State to store, as JSON-like data."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Takes up a stored state."""

"""Constants of a graph."""

import math
from dataclasses import dataclass

from autoprox.base.errors import KindError


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: the same SCALAR for every network.

    Args:
        value: A finite number; a negative zero is zero.

    Raises:
        KindError: If it is not finite.

    Example:
        >>> Literal(0.1).name, Literal(-0.0).name, Literal(3).name
        ('0.1', '0.0', '3.0')
    """

    value: float

    def __post_init__(self) -> None:
        value = float(self.value)
        if not math.isfinite(value):
            raise KindError(f"A constant of a graph must be a finite number, not {value}.")
        object.__setattr__(self, "value", value + 0.0)

    @property
    def name(self) -> str:
        """The shortest decimal text of the float64, as written in the text of a graph."""
        return repr(self.value)

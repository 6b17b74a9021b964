"""Exact laws of primitives, used by `simplify`.

tests/conformance/test_primitives.py checks every declared law of every primitive, bit by bit. Laws that hold only
for real numbers, such as the associativity of addition, are not declared.
"""

from dataclasses import dataclass
from enum import StrEnum


class Parity(StrEnum):
    """Change of the result when all arguments are negated."""

    NONE = "none"
    """Nothing is known."""
    ODD = "odd"
    """It is negated."""
    EVEN = "even"
    """It is unchanged."""
    ABSOLUTE = "absolute"
    """It is unchanged, also if the argument is replaced by its magnitude."""
    MIRRORED = "mirrored"
    """It is the negated result of another primitive, `Laws.mirror`: max(-x) = -min(x)."""


class Positivity(StrEnum):
    """Condition for a result without negative elements."""

    UNKNOWN = "unknown"
    """Nothing is known."""
    KEPT = "kept"
    """If no argument has negative elements."""
    ALWAYS = "always"
    """Everywhere."""


@dataclass(frozen=True, slots=True)
class Laws:
    """Laws of one primitive.

    Args:
        parity: Effect of negating all arguments.
        mirror: Name of the mirrored primitive at the same level.
        odd_in_each: For two arguments: negating one of them negates the result.
        positivity: Condition for a non-negative result.
        idempotent: For one argument: applying it twice is the same as once.
        lattice: For two arguments: associative, commutative, and idempotent.
        pointwise: For a NODE operation with segments: each result depends only on the value of the node and its
            position in the whole architecture. Operations without segments always have this property.

    Example:
        >>> Laws(Parity.ODD).parity.value
        'odd'
    """

    parity: Parity = Parity.NONE
    mirror: str = ""
    odd_in_each: bool = False
    positivity: Positivity = Positivity.UNKNOWN
    idempotent: bool = False
    lattice: bool = False
    pointwise: bool = False


NO_LAWS = Laws()

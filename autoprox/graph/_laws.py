"""Laws of primitives beyond their kinds, exact to the last bit, which `simplify` uses.

tests/conformance/test_primitives.py checks every declared law of every primitive. A law that holds for real numbers but
not for floating-point ones, such as the associativity of addition, is not declared.
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
    """It stays."""
    ABSOLUTE = "absolute"
    """It stays, and so it does when the argument is replaced by its magnitude."""
    MIRRORED = "mirrored"
    """It is the negated result of another primitive, `Laws.mirror`: max(-x) = -min(x)."""


class Positivity(StrEnum):
    """Where no element of the result is below zero."""

    UNKNOWN = "unknown"
    """Nothing is known."""
    KEPT = "kept"
    """Where no element of an argument is."""
    ALWAYS = "always"
    """Everywhere."""


@dataclass(frozen=True, slots=True)
class Laws:
    """Laws of one primitive.

    Args:
        parity: Negation of all arguments.
        mirror: Name, at the same level, of the primitive that a mirrored one turns into.
        odd_in_each: Of two arguments: negating one of them negates the result.
        positivity: Where the result is not negative.
        idempotent: Of one argument: applied twice is applied once.
        lattice: Of two arguments: associative, commutative, and x of x and x.
        pointwise: Of a NODE operation that takes segments: still, each node's result depends on nothing but the node's
            own value and its place in the whole architecture. Without segments that is so anyway.

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

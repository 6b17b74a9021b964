"""`simplify`: writes a graph as small as known laws allow, without changing how it ranks.

Two kinds of rules. Those on values hold anywhere in a graph and keep every value to the last bit (but for the sign of a
zero); they follow from the declared `Laws` of primitives, so that a new primitive takes part by its registration. Those
on the ranking hold for the final SCALAR alone: a score may be replaced by what a strictly increasing function was
applied to, and by its negative, if the sign is kept.

What is not removed, and why: exp, tanh, sigmoid and the logarithm of what may be negative map different scores to one
(they saturate, or are guarded), so that a ranking with ties would lose them; the logarithm of a square stays, because
its guard ties what the square's root tells apart; sums are not reordered, because floating-point addition is not
associative.
"""

from collections.abc import Callable
from typing import NamedTuple

from autoprox.graph._constants import scaled
from autoprox.graph._expression import Expression
from autoprox.graph._kinds import Level
from autoprox.graph._primitives import find_primitive
from autoprox.graph._value_rules import built, is_nonnegative, rewritten, through


class Simplified(NamedTuple):
    """A smaller graph and how it ranks.

    Args:
        graph: The graph.
        sign: 1 if it ranks as the original does, -1 if it ranks in reverse. A proxy multiplies its sign by it.
    """

    graph: Expression
    sign: int


def simplify(expression: Expression) -> Simplified:
    """Simplifies a graph.

    For a SCALAR graph the law is: wherever the original has a finite score, so has the result, and `sign` times it
    ranks any networks as the original does, ties included. Results that agree to twelve digits, or differ by less than
    1e-42, count as one value there: a logarithm or root that was taken off may have rounded them to a tie. For other
    graphs the values are the same and the sign is 1.

    Args:
        expression: Any graph.

    Returns:
        A graph that is never larger, and equal to it if nothing can be done. Simplifying it again changes nothing.

    Example:
        >>> from autoprox.graph import parse
        >>> simplified = simplify(parse("neg(log(nodes_sum(abs(l1(neg(weight))))))"))
        >>> str(simplified.graph), simplified.sign
        ('nodes_sum(l1(weight))', -1)
    """
    done: dict[str, Expression] = {}
    for each in expression.walk():
        done[each.digest] = rewritten(each, [done[argument.digest] for argument in each.arguments])
    value = done[expression.digest]
    return _ranked(value) if value.kind.level is Level.SCALAR else Simplified(value, 1)


# What is the smallest difference of scores near zero that still counts, as a decimal exponent. Twelve digits are left
# of numbers above 1e-296. A logarithm is blind to what is small beside its guard of 1e-30; a root or a square that is
# taken off below it changes how small that is.
_FINEST, _FINE_ENOUGH = -296.0, -42.0
_RoundingLoss = Callable[[float], float]


def _exact(exponent: float) -> float:
    return exponent


def _guarded(exponent: float) -> float:
    return max(exponent, _FINE_ENOUGH)


def _squared(exponent: float) -> float:
    return max(2 * exponent, _FINEST)


def _rooted(exponent: float) -> float:
    return exponent / 2


_INCREASING: dict[str, _RoundingLoss] = {"log": _guarded, "sqrt": _squared, "square": _rooted}
"""Functions that increase where they are not given a negative number."""


def _ranked(value: Expression) -> Simplified:
    """Takes off what changes the final score and not its ranking; a chain of functions that is blind, as a whole.

    If more would be lost than `simplify` allows, nothing is taken off from where the first was lost, so that the result
    is the same when it is simplified again.
    """
    sign, finest = 1, _FINEST
    kept = Simplified(value, sign)
    while (found := _less(value)) is not None:
        value, turned, loss = found
        sign, finest = sign * turned, loss(finest)
        if finest > _FINE_ENOUGH:
            return kept
        if finest == _FINEST:
            kept = Simplified(value, sign)
    return Simplified(value, sign)


def _less(value: Expression) -> tuple[Expression, int, _RoundingLoss] | None:
    """A score that ranks alike, or in reverse, and is smaller or earlier in the order of digests."""
    name, arguments = value.operation.name, value.arguments
    if name == "neg":
        return arguments[0], -1, _exact
    if name in _INCREASING and is_nonnegative(arguments[0]):
        return arguments[0], 1, _INCREASING[name]
    if name == "add" and arguments[0] == arguments[1]:
        return arguments[0], 1, _exact
    if (multiple := scaled(value)) is not None:
        constant, factor = multiple
        return factor, 1 if constant > 0 else -1, _exact
    if name == "sub" and arguments[1].digest < arguments[0].digest:
        return Expression(value.operation, reversed(arguments)), -1, _exact
    if name == "nodes_sum" and (squared := through(arguments[0], "square")) is not None:
        # The root of a sum of squares is the norm.
        return built(find_primitive("nodes_norm", Level.NODE), squared), 1, _rooted
    return None

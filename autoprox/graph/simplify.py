"""`simplify`: reduces a graph by known laws, without changing its ranking.

There are two kinds of rules. Value rules apply anywhere in a graph and keep every value bit-identical, except for the
sign of a zero; they follow from the declared `Laws` of primitives, so they apply to newly registered primitives.
Ranking rules apply only to the final SCALAR: a score may be replaced by the argument of a strictly increasing function,
or by its negative with the opposite sign.

Some functions are kept. Exp, tanh, sigmoid and the logarithm of possibly negative values saturate or are guarded, so
removing them could break ties. The logarithm of a square is kept because its guard creates ties that the root does not
have. Sums are not reordered because floating-point addition is not associative.
"""

from collections.abc import Callable
from typing import NamedTuple

from autoprox.graph._constants import scaled
from autoprox.graph._expression import Expression
from autoprox.graph._kinds import Level
from autoprox.graph._primitives import find_primitive
from autoprox.graph._value_rules import built, is_nonnegative, rewritten, through


class Simplified(NamedTuple):
    """A simplified graph and its direction.

    Args:
        graph: The graph.
        sign: 1 if it ranks like the original, -1 if it ranks in reverse. A proxy multiplies its sign by it.
    """

    graph: Expression
    sign: int


def simplify(expression: Expression) -> Simplified:
    """Simplifies a graph.

    For a SCALAR graph, the result is finite wherever the original is, and `sign` times the result ranks any networks
    like the original, including ties. In this comparison, results that agree to twelve digits, or differ by less than
    1e-42, count as equal, because a removed logarithm or root may have rounded them to a tie. For other graphs the
    values are the same and the sign is 1.

    Args:
        expression: Any graph.

    Returns:
        A graph that is never larger; equal to the original if no rule applies. Simplifying it again changes nothing.

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


# Smallest relevant difference of scores near zero, as a decimal exponent. Numbers above 1e-296 have twelve digits. A
# logarithm cannot resolve differences far below its guard of 1e-30; a root or square removed below it changes this
# limit.
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
"""Functions that increase for non-negative arguments."""


def _ranked(value: Expression) -> Simplified:
    """Removes functions of the final score that do not change its ranking; a chain with loss is removed as a whole.

    If the loss exceeds the limit of `simplify`, the chain is kept from its first lossy function on, so that simplifying
    again gives the same result.
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
    """Returns a smaller score, or one earlier in the order of digests, with the same or the reverse ranking."""
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
        # The norm is the root of the sum of squares.
        return built(find_primitive("nodes_norm", Level.NODE), squared), 1, _rooted
    return None

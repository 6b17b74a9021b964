"""Weighted sums of SCALARs, as ordinary graphs of `add`, `mul` and constants."""

from collections.abc import Sequence

from autoprox.base.errors import KindError
from autoprox.graph._expression import Expression
from autoprox.graph._kinds import Level
from autoprox.graph._literal import Literal
from autoprox.graph._primitives import find_primitive

Term = tuple[float, Expression | None]
"""A term: its weight and the weighted SCALAR, or None for a constant."""


def weighted_sum(terms: Sequence[tuple[float, Expression]]) -> Expression:
    """Builds a weighted sum of SCALARs.

    Sums are nested by halves, so that the graph stays shallow.

    Args:
        terms: At least one pair of weight and SCALAR.

    Raises:
        KindError: If there is no term, or a weight is not finite.

    Example:
        >>> from autoprox.graph import parse
        >>> str(weighted_sum([(0.5, parse("nodes_sum(params)")), (-2, parse("nodes_max(fan_in)"))]))
        'add(mul(0.5, nodes_sum(params)), mul(-2.0, nodes_max(fan_in)))'
    """
    if not terms:
        raise KindError("A weighted sum needs at least one term; none was given.")
    if len(terms) == 1:
        ((weight, scalar),) = terms
        return Expression(find_primitive("mul", Level.SCALAR), (Expression(Literal(weight)), scalar))
    half = (len(terms) + 1) // 2
    return Expression(find_primitive("add", Level.SCALAR), (weighted_sum(terms[:half]), weighted_sum(terms[half:])))


def weighted_terms(expression: Expression) -> list[Term] | None:
    """Returns the terms of a sum of at least two constant multiples of SCALARs, in order.

    Returns:
        The terms; None if the expression is not such a sum.

    Example:
        >>> from autoprox.graph import parse
        >>> text = "add(mul(0.5, log(nodes_sum(params))), mul(-2.0, nodes_max(fan_in)))"
        >>> [(weight, str(each)) for weight, each in weighted_terms(parse(text))]
        [(0.5, 'log(nodes_sum(params))'), (-2.0, 'nodes_max(fan_in)')]
        >>> weighted_terms(parse("add(nodes_sum(params), nodes_sum(macs))"))
    """
    return _terms(expression) if expression.operation.name == "add" else None


def _terms(expression: Expression) -> list[Term] | None:
    if isinstance(expression.operation, Literal):
        return [(expression.operation.value, None)]
    if expression.operation.name == "mul":
        for factor, scalar in (expression.arguments, expression.arguments[::-1]):
            if isinstance(factor.operation, Literal):
                return [(factor.operation.value, scalar)]
    if expression.operation.name != "add":
        return None
    left, right = map(_terms, expression.arguments)
    return None if left is None or right is None else left + right


def written_sum(terms: Sequence[tuple[str, str, bool]]) -> str:
    """Formats weighted terms in one line.

    Args:
        terms: Per term, the weight without its sign, the rest of the term, and True if it is subtracted.

    Example:
        >>> written_sum([("0.5", " * a", True), ("2", " * b", False), ("1", "", True)])
        '-0.5 * a + 2 * b - 1'
    """
    (weight, rest, negative), *others = terms
    first = f"{'-' if negative else ''}{weight}{rest}"
    return first + "".join(f" {'-' if minus else '+'} {number}{text}" for number, text, minus in others)

"""Simplification of constants."""

import math

import numpy as np

from autoprox.graph._expression import Expression
from autoprox.graph._literal import Literal
from autoprox.graph._primitives import Primitive
from autoprox.graph.operations import FLOAT64_EPS

_EXACT = frozenset({"add", "sub", "mul", "neg", "abs", "maximum", "minimum"})
"""Operations with bit-identical results for constants here and for every network."""

_SMALLEST = 1e-6
"""Constant factors below this, or above its inverse, are not removed from a score."""


def folded(primitive: Primitive, arguments: tuple[Expression, ...]) -> Expression | None:
    """Simplifies arithmetic on constants, and removes neutral constants.

    Returns:
        The simplified expression; None if neither applies.
    """
    held = [each.operation for each in arguments if isinstance(each.operation, Literal)]
    if len(held) == len(arguments) and primitive.name in _EXACT:
        value = float(primitive.function(*(np.float64(each.value) for each in held), np, FLOAT64_EPS))
        return Expression(Literal(value)) if math.isfinite(value) else None
    neutral = {"mul": 1.0, "add": 0.0}.get(primitive.name)
    if neutral is None or not any(each.value == neutral for each in held):
        return None
    return next(each for each in arguments if not isinstance(each.operation, Literal))


def scaled(value: Expression) -> tuple[float, Expression] | None:
    """Splits a constant multiple into constant and factor.

    Returns:
        Constant and factor. None if it is not a multiple, the factor is a multiple itself, or the constant is so small
        or large that rounding would create ties.
    """
    if value.operation.name != "mul":
        return None
    for constant, factor in (value.arguments, value.arguments[::-1]):
        if isinstance(constant.operation, Literal) and scaled(factor) is None:
            size = constant.operation.value
            return (size, factor) if _SMALLEST < abs(size) < 1 / _SMALLEST else None
    return None

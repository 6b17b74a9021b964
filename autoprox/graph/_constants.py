"""Simplification of constants."""

import math

import numpy as np

from autoprox.graph._expression import Expression
from autoprox.graph._literal import Literal
from autoprox.graph._primitives import Primitive
from autoprox.graph.operations import FLOAT64_EPS

_EXACT = frozenset({"add", "sub", "mul", "neg", "abs", "maximum", "minimum"})
"""What has the same value to the last bit whether it is computed of constants here, or for every network."""

_SMALLEST = 1e-6
"""Constants below this, or above its inverse, are not taken off a score."""


def folded(primitive: Primitive, arguments: tuple[Expression, ...]) -> Expression | None:
    """Simplifies arithmetic of constants alone, and constants that change nothing.

    Returns:
        None if it is neither.
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
    """Constant and factor of a constant multiple.

    Returns:
        None if it is not a multiple, if the factor is one itself, or if the constant is so small or large that rounding
        would make scores equal that are not.
    """
    if value.operation.name != "mul":
        return None
    for constant, factor in (value.arguments, value.arguments[::-1]):
        if isinstance(constant.operation, Literal) and scaled(factor) is None:
            size = constant.operation.value
            return (size, factor) if _SMALLEST < abs(size) < 1 / _SMALLEST else None
    return None

"""Reads the cells of a column as numbers, one by one, without losing a digit.

A cell without a number does not affect the others. pandas would read a column with one text as text. It would read a
column with a gap as floats, which hold whole numbers up to 2^53 only.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, TypeVar

import pandas as pd

Result = TypeVar("Result")

LARGEST = 2**63 - 1
"""Largest value in a column of whole numbers."""


def each_cell(column: "pd.Series[Any]", function: Callable[[Any], Result]) -> list[Result]:
    """The results of a function for the cells of a column, which is called once per distinct cell.

    Example:
        >>> each_cell(pd.Series(["b", "a", "b"]), str.upper)
        ['B', 'A', 'B']
    """
    if column.dtype == object:  # cells of several types may be equal, as 1 and True are, or not be hashable
        return [function(cell) for cell in column]
    codes, distinct = pd.factorize(column, use_na_sentinel=False)
    results = [function(cell) for cell in distinct.tolist()]
    return [results[code] for code in codes]


def real(cell: Any) -> float | None:
    """The number of a cell, or None if it holds none.

    Example:
        >>> real("53.21"), real(7), real("-"), real(True), real(None)
        (53.21, 7.0, None, None, None)
    """
    if isinstance(cell, str):
        try:
            return float(cell)
        except ValueError:
            return None
    return float(cell) if isinstance(cell, Real | Decimal) and not _is_truth(cell) else None


def whole(cell: Any) -> int | None:
    """The whole number of a cell to its last digit, or None if it holds none.

    Example:
        >>> whole(2**60 + 1) == whole(str(2**60 + 1)) == 2**60 + 1
        True
        >>> whole(3.0), whole("3.0"), whole(3.5), whole("x"), whole(float("nan"))
        (3, 3, None, None, None)
    """
    if isinstance(cell, str):
        try:
            return int(cell)
        except ValueError:
            pass
    elif isinstance(cell, Integral) and not _is_truth(cell):
        return int(cell)
    number = real(cell)
    return int(number) if number is not None and math.isfinite(number) and number == int(number) else None


def _is_truth(cell: object) -> bool:
    """True for a bool, which is an Integral in Python but not a measured number."""
    return isinstance(cell, bool)

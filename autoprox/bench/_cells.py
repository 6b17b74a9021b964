"""Reads the cells of a column as numbers, one by one, without losing a digit.

A cell without a number does not affect the others. pandas would read a column with one text as text. It would read a
column with a gap as floats, which hold whole numbers up to 2^53 only.
"""

import math
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

LARGEST = 2**63 - 1
"""Largest value in a column of whole numbers."""


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

"""Tests for whole numbers."""

from numbers import Integral


def is_whole(value: object) -> bool:
    """Returns True for an integer of Python or NumPy, and False for a boolean.

    Example:
        >>> import numpy as np
        >>> is_whole(np.int64(3)), is_whole(3.0), is_whole(True)
        (True, False, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool)

"""Progress bars of the functions of `autoprox`: named, and numbered where a task has several steps."""

from collections.abc import Callable, Iterable
from typing import Any

from autoprox.base.progress import ContinuedProgress, Progress, with_progress


def bar(name: str, unit: str, *, shown: bool) -> Progress | None:
    """A progress bar; None if it is not to be shown.

    Args:
        name: What stands before the bar, such as "1/2 statistics".
        unit: What one item is, in the singular.
        shown: Whether there is one.
    """
    return (lambda items, total: with_progress(items, total, unit, name=name)) if shown else None


def continued(name: str, unit: str, *, shown: bool) -> ContinuedProgress | None:
    """The same for work that may be resumed."""
    return (lambda items, total, done: with_progress(items, total, unit, done=done, name=name)) if shown else None


def unwrapped(items: Iterable[Any], _total: int) -> Iterable[Any]:
    """No progress bar."""
    return items


Counter = Callable[[int, float], None]
"""Called with the number of candidates so far and the best fitness."""

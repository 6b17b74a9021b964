"""Progress bars of the functions of `autoprox`: named, and numbered where a task has several steps."""

from collections.abc import Callable, Iterable
from typing import Any

from autoprox.base.progress import ContinuedProgress, Progress, with_progress


def bar(name: str, unit: str, *, shown: bool) -> Progress | None:
    """A progress bar; None if not shown.

    Args:
        name: Text before the bar, such as "1/2 statistics".
        unit: Name of one item, in the singular.
        shown: Shows the bar if true.
    """
    return (lambda items, total: with_progress(items, total, unit, name=name)) if shown else None


def continued(name: str, unit: str, *, shown: bool) -> ContinuedProgress | None:
    """A progress bar for work that may be resumed; None if not shown."""
    return (lambda items, total, done: with_progress(items, total, unit, done=done, name=name)) if shown else None


def unwrapped(items: Iterable[Any], _total: int) -> Iterable[Any]:
    """Items without a progress bar."""
    return items


Counter = Callable[[int, float], None]
"""Called with the number of candidates so far and the best fitness."""

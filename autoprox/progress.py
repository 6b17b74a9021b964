"""How far long work has come: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import TextIO, TypeVar

from tqdm.auto import tqdm

T = TypeVar("T")

FIRST_LINE_S = 10.0
LONGEST_PAUSE_S = 300.0
"""A log gets a line after ten seconds, then after twice the last pause, and at least every five minutes."""


def with_progress(items: Iterable[T], total: int, unit: str, *, done: int = 0) -> Iterator[T]:
    """Passes items on and tells on standard error how far they have come and how long the rest will take.

    Args:
        items: What is worked off.
        total: How many there are in all.
        unit: What one is ("training").
        done: How many of them were finished before.

    Example:
        >>> list(with_progress("abc", 3, "letter"))
        ['a', 'b', 'c']
    """
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, initial=done, unit=unit, smoothing=0.0, leave=False)
    else:
        yield from log_lines(items, total, unit, done=done, stream=sys.stderr, clock=time.monotonic)


def log_lines(
    items: Iterable[T], total: int, unit: str, *, done: int, stream: TextIO, clock: Callable[[], float]
) -> Iterator[T]:
    """Passes items on and writes a line now and then: nothing for work of a few seconds.

    Args:
        items: What is worked off.
        total: How many there are in all.
        unit: What one is.
        done: How many of them were finished before.
        stream: Where lines go.
        clock: Seconds from some moment on.
    """
    start, pause = clock(), FIRST_LINE_S
    due = start + pause
    for count, item in enumerate(items, start=1):
        yield item
        now = clock()
        if now >= due:
            left = (now - start) / count * (total - done - count)
            stream.write(
                f"autoprox: {done + count} of {total} {unit}s done ({100 * (done + count) // total} %), about "
                f"{timedelta(seconds=round(left))} left\n"
            )
            stream.flush()
            pause = min(2 * pause, LONGEST_PAUSE_S)
            due = now + pause

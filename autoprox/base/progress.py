"""How far long work has come: a bar on a terminal, else a line now and then by way of `logging`.

Lines have the level INFO and bars a level below it, of the logger of this module: who wants lines where bars would be
drawn, or nothing, sets its level (`--log-json` and `--quiet` do).
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from tqdm.auto import tqdm

T = TypeVar("T")

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
"""Wraps an iterable, given with its length: passes its items on and tells how far they have come."""

ContinuedProgress = Callable[[Iterable[Any], int, int], Iterable[Any]]
"""The same for work that may be resumed: given with the number of items in all, and how many were done before."""

LOGGER = logging.getLogger(__name__)

BAR = (logging.DEBUG + logging.INFO) // 2
"""The level of bars; enabled unless a program says otherwise."""
LOGGER.setLevel(BAR)

_IN_NOTEBOOK = any(each.__module__ == "tqdm.notebook" for each in tqdm.__mro__)
# What `tqdm.auto` chooses once, as it is imported.

FIRST_LINE_S = 10.0
LONGEST_PAUSE_S = 300.0
"""A log gets a line after ten seconds, then after twice the last pause, and at least every five minutes."""


class Reach(Protocol):
    """Takes notice of how far the work has come."""

    def __call__(self, count: int, remark: str = "") -> None:
        """Says that `count` are done in all; the remark stands behind that ("best 0.71")."""


@contextmanager
def progress(total: int | None, unit: str, *, done: int = 0, name: str = "") -> Iterator[Reach]:
    """Tells how far work has come and how long the rest will take.

    Args:
        total: How many there are in all; None if unknown.
        unit: What one is ("training").
        done: How many of them were finished before.
        name: What is being done, such as "2/3 search".

    Example:
        >>> with progress(3, "letter") as reach:
        ...     for count, letter in enumerate("abc", start=1):
        ...         reach(count)
    """
    if (sys.stderr.isatty() or _IN_NOTEBOOK) and LOGGER.isEnabledFor(BAR):
        with tqdm(total=total, initial=done, unit=f" {unit}s", desc=name or None, smoothing=0.0, leave=False) as bar:

            def reach(count: int, remark: str = "") -> None:
                bar.set_postfix_str(remark, refresh=False)
                bar.update(count - bar.n)

            yield reach
    else:
        yield Milestones(total, unit, done, time.monotonic, name)


def with_progress(items: Iterable[T], total: int, unit: str, *, done: int = 0, name: str = "") -> Iterator[T]:
    """Passes items on and tells how far they have come; see `progress`.

    Example:
        >>> list(with_progress("abc", 3, "letter"))
        ['a', 'b', 'c']
    """
    with progress(total, unit, done=done, name=name) as reach:
        for count, item in enumerate(items, start=done + 1):
            yield item
            reach(count)


class Milestones:
    """A line now and then: nothing for work of a few seconds.

    Args:
        total: How many there are in all; None if unknown.
        unit: What one is.
        done: How many of them were finished before.
        clock: Seconds from some moment on.
        name: What is being done.
    """

    def __init__(self, total: int | None, unit: str, done: int, clock: Callable[[], float], name: str = "") -> None:
        self._name = f"{name}: " if name else ""
        self._total, self._unit, self._before, self._clock = total, unit, done, clock
        self._start, self._pause = clock(), FIRST_LINE_S
        self._due = self._start + self._pause

    def __call__(self, count: int, remark: str = "") -> None:
        """Logs a line if one is due, with facts as the record's `progress`: `done`, `total`, `unit`, `seconds_left`."""
        now = self._clock()
        if now < self._due or count == self._before:
            return
        facts: dict[str, int | str] = {"done": count, "unit": self._unit}
        text = f"{count} {self._unit}s done"
        if self._total:
            facts["total"] = self._total
            text = f"{count} of {self._total} {self._unit}s done ({100 * count // self._total} %)"
            # The first of many tells how long processes take to start.
            if 100 * (count - self._before) >= self._total - self._before:
                left = round((now - self._start) / (count - self._before) * (self._total - count))
                facts["seconds_left"] = left
                text += f", about {timedelta(seconds=left)} left"
        text = self._name + text
        LOGGER.info(f"{text}; {remark}" if remark else text, extra={"progress": facts})
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)
        self._due = now + self._pause

"""Progress of long work: a bar on a terminal or in a notebook, otherwise occasional lines through `logging`.

Lines have the level INFO of this module's logger, and bars the level below it: a higher level of the logger replaces
bars by lines, or switches both off.
"""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from tqdm.auto import tqdm

T = TypeVar("T")

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
"""Wraps an iterable of known length: yields its items and reports progress."""

ContinuedProgress = Callable[[Iterable[Any], int, int], Iterable[Any]]
"""The same for work that may be resumed: its arguments are the items, their total number and the number done before."""

LOGGER = logging.getLogger(__name__)

BAR = (logging.DEBUG + logging.INFO) // 2
"""Logging level of bars, enabled by default."""
LOGGER.setLevel(BAR)

_IN_NOTEBOOK = any(each.__module__ == "tqdm.notebook" for each in tqdm.__mro__)
# `tqdm.auto` chooses between notebook and terminal when it is imported.

FIRST_LINE_S = 10.0
LONGEST_PAUSE_S = 300.0
"""Longest pause between lines; the first line follows after `FIRST_LINE_S`, and each pause doubles the last."""


LEAST_ITEMS = 3
LEAST_S = 5.0
"""Time left is stated after `LEAST_ITEMS` items that took `LEAST_S` together; the first report does not count."""

SLOW_S = 60.0
"""One item is enough if it took as long as this."""

_BAR_FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt}{unit} [{elapsed}{postfix}]"


class Pace:
    """Estimates the time that is left from the rate of recent items.

    The first report is the start of the measurement: the time before it includes the start of processes, imports,
    downloads and caches. The rate is the one of the latest half of the items reported after it.

    Args:
        total: Total number of items.

    Example:
        >>> pace = Pace(10)  # the first item took 30 s, the others 2 s each
        >>> [pace.seconds_left(count, now) for count, now in enumerate([30.0, 32.0, 34.0, 36.0], start=1)]
        [None, None, None, 12.0]
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._reports: deque[tuple[int, float]] = deque()
        self._first: tuple[int, float] | None = None

    def seconds_left(self, count: int, now: float) -> float | None:
        """Reports that `count` items are done at the time `now`.

        Returns:
            Time left in seconds; None until an estimate is credible.
        """
        if self._first is None:
            self._first = count, now
        if not self._reports or count > self._reports[-1][0]:
            self._reports.append((count, now))
        items, seconds = count - self._first[0], now - self._first[1]
        while len(self._reports) > 1 and 2 * (count - self._reports[1][0]) >= items:
            self._reports.popleft()
        if not (items >= LEAST_ITEMS and seconds >= LEAST_S) and not (items and seconds >= SLOW_S):
            return None
        before, since = self._reports[0]
        return (now - since) / (count - before) * (self._total - count)


class Reach(Protocol):
    """Receives the progress of work."""

    def __call__(self, count: int, remark: str = "") -> None:
        """Reports that `count` items are done in total; a remark such as "best 0.71" follows."""


@contextmanager
def progress(total: int | None, unit: str, *, done: int = 0, name: str = "") -> Iterator[Reach]:
    """Reports the progress of work and the time that is left.

    Args:
        total: Total number of items; None if unknown.
        unit: Noun for one item ("training").
        done: Number of items finished before.
        name: Name of the step, such as "2/3 search".

    Example:
        >>> with progress(3, "letter") as reach:
        ...     for count, letter in enumerate("abc", start=1):
        ...         reach(count)
    """
    if (sys.stderr.isatty() or _IN_NOTEBOOK) and LOGGER.isEnabledFor(BAR):
        pace = Pace(total) if total else None
        with tqdm(
            total=total,
            initial=done,
            unit=f" {unit}s",
            desc=name or None,
            leave=False,
            bar_format=_BAR_FORMAT if total else None,
        ) as bar:

            def reach(count: int, remark: str = "") -> None:
                left = None if pace is None else pace.seconds_left(count, time.monotonic())
                facts = [] if left is None else [f"{timedelta(seconds=round(left))} left"]
                bar.set_postfix_str(", ".join([*facts, remark] if remark else facts), refresh=False)
                bar.update(count - bar.n)

            yield reach
    else:
        yield Milestones(total, unit, done, time.monotonic, name)


def with_progress(items: Iterable[T], total: int, unit: str, *, done: int = 0, name: str = "") -> Iterator[T]:
    """Yields items and reports progress; see `progress`.

    Example:
        >>> list(with_progress("abc", 3, "letter"))
        ['a', 'b', 'c']
    """
    with progress(total, unit, done=done, name=name) as reach:
        for count, item in enumerate(items, start=done + 1):
            yield item
            reach(count)


class Milestones:
    """Occasional log lines, none for work of a few seconds.

    Args:
        total: Total number of items; None if unknown.
        unit: Noun for one item.
        done: Number of items finished before.
        clock: Returns a time in seconds.
        name: Name of the step.
    """

    def __init__(self, total: int | None, unit: str, done: int, clock: Callable[[], float], name: str = "") -> None:
        self._name = f"{name}: " if name else ""
        self._total, self._unit, self._before, self._clock = total, unit, done, clock
        self._pace = Pace(total) if total else None
        self._pause = FIRST_LINE_S
        self._due = clock() + self._pause

    def __call__(self, count: int, remark: str = "") -> None:
        """Logs a line if one is due; the record's `progress` holds `done`, `total`, `unit` and `seconds_left`."""
        now = self._clock()
        left = None if self._pace is None else self._pace.seconds_left(count, now)
        if now < self._due or count == self._before:
            return
        facts: dict[str, int | str] = {"done": count, "unit": self._unit}
        text = f"{count} {self._unit}s done"
        if self._total:
            facts["total"] = self._total
            text = f"{count} of {self._total} {self._unit}s done ({100 * count // self._total} %)"
        if left is not None:
            facts["seconds_left"] = round(left)
            text += f", about {timedelta(seconds=round(left))} left"
        text = self._name + text
        LOGGER.info(f"{text}; {remark}" if remark else text, extra={"progress": facts})
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)
        self._due = now + self._pause

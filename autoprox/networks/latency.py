"""Latency of a forward pass on this machine, measured and stored with the conditions of the measurement."""

import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import platformdirs
import torch
from torch import Tensor, nn
from torch.utils.benchmark import Timer

from autoprox.base.digest import digest
from autoprox.base.errors import SpecError
from autoprox.base.store import Store, StoreFormat
from autoprox.spaces import Arch, Space
from autoprox.spaces.costs import COSTS, Cost
from autoprox.spaces.task import TaskShape
from autoprox.spaces.units import SECONDS, Unit

NOISY = 0.1
"""Spread (interquartile range over median) above which a measurement is repeated and called noisy."""
FORMAT = StoreFormat(
    "table of latencies",
    "create table timings (key text primary key, seconds real not null, spread real not null, repeats integer not null)"
    " without rowid",
    "Delete '{path}': it contains only times, which will be measured again.",
)
"""Format of the file with stored latencies."""

_WAIT_S = 60.0
# Another process may be writing, which takes milliseconds unless the process is stopped.
_LEAST_S, _MOST_S = 0.1, 1.0
# Limits of the time of a measurement, which ends when the spread is small.
_LEAST_REPEATS = 10
_BRIEF_S, _BRIEF_REPEATS = 0.05, 3
# Time and least number of passes of a measurement of the fastest pass.


@dataclass(frozen=True, slots=True)
class Timing:
    """Duration of repeated forward passes.

    Args:
        median: Seconds per pass, median of the repeats.
        spread: Interquartile range of the repeats over their median.
        repeats: Number of repeats.
    """

    median: float
    spread: float
    repeats: int


def indistinct(timings: Iterable[Timing]) -> int:
    """Returns the number of networks that the spread of the repeats does not separate from the next slower one.

    The spread is half the interquartile range on each side of the median.

    Example:
        >>> indistinct([Timing(1.00, 0.10, 9), Timing(1.08, 0.10, 9), Timing(2.00, 0.10, 9)])
        1
    """
    ordered = sorted(timings, key=lambda each: each.median)
    return sum(
        one.median * (1 + one.spread / 2) > other.median * (1 - other.spread / 2) for one, other in pairwise(ordered)
    )


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.thread_time}
"""Clocks by name. Processor time excludes other programs and covers only one thread; on a busy machine it is the best
estimate of the time on an idle one."""


class Conditions(NamedTuple):
    """Conditions of the measurement of a forward pass.

    Args:
        threads: Threads of torch.
        batch_size: Images per batch.
        clock: One of `CLOCKS`.
    """

    threads: int = 1
    batch_size: int = 1
    clock: str = "wall"

    @property
    def text(self) -> str:
        """The conditions in words.

        Example:
            >>> Conditions(2, 8).text, Conditions(clock="cpu").text
            ('2 threads, 8 images', '1 thread, 1 image, processor time')
        """
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        images = "1 image" if self.batch_size == 1 else f"{self.batch_size} images"
        return f"{threads}, {images}{', processor time' if self.clock == 'cpu' else ''}"


def time_forward(model: nn.Module, images: Tensor, threads: int = 1, clock: str = "wall") -> Timing:
    """Times the forward pass of a network, after a warm-up.

    The pass is repeated until the spread is below `NOISY`, for at least 0.1 s and ten passes, and at most 1 s or ten
    passes.

    Args:
        model: The network, called in its current mode.
        images: One batch.
        threads: Threads of torch during the measurement; the earlier number is restored.
        clock: One of `CLOCKS`.

    Raises:
        SpecError: If processor time is requested with several threads.

    Example:
        >>> timing = time_forward(nn.Linear(8, 8), torch.zeros(1, 8))
        >>> 0 < timing.median < 1, timing.repeats >= 4
        (True, True)
    """
    timer = _timer(model, images, threads, clock)
    with torch.inference_mode():
        once = timer.timeit(2).mean  # a warm-up as well
        most = max(_MOST_S, _LEAST_REPEATS * once)
        found = timer.adaptive_autorange(NOISY, min_run_time=max(_LEAST_S, _LEAST_REPEATS * once), max_run_time=most)
    return Timing(found.median, found.iqr / found.median, len(found.times) * found.number_per_run)


def fastest_forward(model: nn.Module, images: Tensor, threads: int = 1, clock: str = "wall") -> float:
    """Returns the seconds of the fastest of several forward passes, measured for about 0.05 s after a warm-up.

    Other load only makes a pass slower, so the minimum over several measurements estimates the undisturbed time.
    Arguments and errors are the same as for `time_forward`.

    Example:
        >>> 0 < fastest_forward(nn.Linear(8, 8), torch.zeros(1, 8)) < 1
        True
    """
    timer = _timer(model, images, threads, clock)
    with torch.inference_mode():
        once = timer.timeit(2).mean  # a warm-up as well
        found = timer.blocked_autorange(min_run_time=max(_BRIEF_S, _BRIEF_REPEATS * once))
    return float(min(found.times))


def _timer(model: nn.Module, images: Tensor, threads: int, clock: str) -> Timer:
    if clock == "cpu" and threads != 1:
        raise SpecError(f"Processor time covers only one thread, and `threads` is {threads}; use the clock 'wall'.")
    given = {"model": model, "images": images}
    return Timer("model(images)", globals=given, num_threads=threads, timer=CLOCKS[clock])


@cache
def machine() -> tuple[str, ...]:
    """Returns the identity of the machine for the comparison of times: processor, cores, torch and instruction set.

    Example:
        >>> len(machine())
        4
    """
    release = str(torch.__version__)
    return _processor(), f"{os.cpu_count()} cores", f"torch {release}", torch.backends.cpu.get_cpu_capability()


def _processor() -> str:
    """Returns the name of the processor, or its architecture if the name is unavailable."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.lower().startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


@dataclass(frozen=True)
class Latency(Cost):
    """Seconds of one forward pass of a batch on this machine, in evaluation mode, as the median of repeats.

    Values depend on the processor and its load, so stored values belong to one machine.

    Args:
        threads: Threads of torch.
        batch_size: Images per batch.

    Example:
        >>> Latency(threads=2).identity[:4]
        ['latency', 1, 2, 1]
    """

    threads: int = 1
    batch_size: int = 1
    name: str = field(default="latency", init=False)
    noun: str = field(default="latency", init=False)
    unit: Unit = field(default=SECONDS, init=False)
    version: int = field(default=1, init=False)
    additive: bool = field(default=False, init=False)
    measured: ClassVar[bool] = True

    def of(self, space: Space, arch: Arch, task: TaskShape) -> float:
        """Returns the seconds of a forward pass.

        Raises:
            SpecError: If the space does not allow the architecture or the task.
        """
        return self.timing(space, arch, task).median

    def spread(self, space: Space, arch: Arch, task: TaskShape) -> float:
        """Returns the interquartile range of the repeats over their median."""
        return self.timing(space, arch, task).spread

    @property
    def identity(self) -> list[Any]:
        """Name, version, threads, batch size and the machine."""
        return [self.name, self.version, self.threads, self.batch_size, *machine()]

    def timing(self, space: Space, arch: Arch, task: TaskShape) -> Timing:
        """Returns the measurement with its spread, taken once per machine and stored.

        Raises:
            SpecError: If the space does not allow the architecture or the task.
            StoreMismatchError: If the file with stored latencies is damaged.
            AutoproxError: If it cannot be written.
        """
        key = digest([self.identity, space.identity, arch.arch_id, list(task)])
        path = latency_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        with Store(path, FORMAT, wait_s=_WAIT_S) as store:
            for stored in store.rows("select seconds, spread, repeats from timings where key = ?", (key,)):
                return Timing(*stored)
            model = space.build(arch, *task)
            images = torch.zeros(self.batch_size, task.in_chans, task.img_size, task.img_size)
            found = time_forward(model, images, self.threads)
            store.write("insert or ignore into timings values (?, ?, ?, ?)", [(key, *astuple(found))])
        return found


def latency_path() -> Path:
    """Returns the file with stored latencies, in the user's cache folder."""
    return Path(platformdirs.user_cache_dir("autoprox")) / "latency.sqlite"


COSTS.register("latency", Latency())

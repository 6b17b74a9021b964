"""Worker processes of this machine: they end with their parent process and leave interrupts to it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from joblib import Parallel
from joblib.parallel import LokyBackend, get_active_backend

LOOK_S = 0.5
"""Seconds between a worker's checks that its parent process still exists."""


def processes(jobs: int, **options: Any) -> Parallel:
    """Returns a `joblib.Parallel` on the backend in use; processes of this machine are `Workers`.

    Args:
        jobs: Number of processes.
        options: More arguments of `joblib.Parallel`.

    Example:
        >>> import joblib
        >>> processes(1)(joblib.delayed(abs)(each) for each in [-1, -2])
        [1, 2]
    """
    backend, _ = get_active_backend()
    if type(backend) is LokyBackend:
        options["backend"] = Workers(initializer=_begin, initargs=(os.getpid(),))
    return Parallel(jobs, **options)


class Workers(LokyBackend):  # type: ignore[misc]
    """joblib's processes with SIGINT blocked: a terminal sends Ctrl-C to all of them.

    Their parent process receives it and ends them.
    """

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], Any] | None = None) -> Any:
        """Schedules a call; processes are started here and inherit the blocked signals."""
        # The first worker would start it otherwise, and starting it unblocks interrupts.
        resource_tracker.ensure_running()
        with _interrupts_held():
            return super().submit(func, callback)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Blocks SIGINT for this thread; a signal sent meanwhile is delivered afterwards."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int) -> None:
    """Runs in a worker before any work; the parent may have ended already."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """Ends this process when its parent has changed, so the original parent has ended."""
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)

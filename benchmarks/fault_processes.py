"""Commands in separate sessions, which can be killed and inspected; used by fault_kills.py (Linux).

Most of the time of a short command is spent on imports. So most commands run in processes that are forked from one that
has imported everything; some run in new processes, and are killed during their imports.
"""

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import autoprox.__main__
from autoprox.base.interrupts import expect_interrupts
from autoprox.commands import main

LOOK_S = 0.02
"""Interval in seconds at which a process is polled."""


@dataclass
class Started:
    """A command in a separate session, forked or fresh, with a common interface."""

    process: "multiprocessing.context.ForkProcess | subprocess.Popen[bytes]"

    @property
    def pid(self) -> int:
        """Id of the process and of its session."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def exitcode(self) -> int | None:
        """The exit status; None while it is alive."""
        if isinstance(self.process, subprocess.Popen):
            return self.process.poll()
        return self.process.exitcode

    def is_alive(self) -> bool:
        """True until the process ends."""
        return self.exitcode is None

    def join(self, seconds: float | None = None) -> None:
        """Waits for its end."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while self.is_alive() and (deadline is None or time.monotonic() < deadline):
            time.sleep(LOOK_S)


@contextmanager
def started(words: Sequence[str], home: Path) -> Iterator[Started]:
    """Runs a command in a forked process, with a separate home for caches, state and temporary files."""
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    process = multiprocessing.get_context("fork").Process(target=_run, args=(list(words), home))
    # An interrupt is blocked until the command handles it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    process.start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    child = Started(process)
    try:
        yield child
    finally:
        _end(child)


@contextmanager
def started_fresh(words: Sequence[str], home: Path) -> Iterator[Started]:
    """Runs a command in a new process, which imports its dependencies."""
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    with (home / "output").open("wb") as output, (home / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "autoprox", *words],
            stdout=output,
            stderr=errors,
            env={**os.environ, **_environment(home)},
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - nohup ignores it
        )
    child = Started(process)
    try:
        yield child
    finally:
        _end(child)


def _run(words: list[str], home: Path) -> None:
    """Body of a forked process: isolation from the parent, then the command."""
    os.setsid()
    # Removes exit handlers of the soak test, such as the removal of its folder; the command registers its own.
    atexit._clear()
    weakref.finalize._registry.clear()  # type: ignore[attr-defined]
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]
    os.environ.update(_environment(home))
    for number, name in ((1, "output"), (2, "errors")):
        target = os.open(home / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(target, number)
        os.close(target)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    sys.argv = ["autoprox", *words]
    sys.modules["__main__"] = autoprox.__main__  # which workers import
    signal.signal(signal.SIGINT, signal.default_int_handler)
    expect_interrupts()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        status = main(words)
    finally:
        # As at the exit of Python; multiprocessing skips it, and would wait for idle workers.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    sys.exit(status)


def _environment(home: Path) -> dict[str, str]:
    """A separate home; caches of other packages are not checked."""
    ours = {"XDG_CACHE_HOME": "cache", "XDG_STATE_HOME": "state", "TMPDIR": "tmp", "JOBLIB_TEMP_FOLDER": "tmp"}
    folders = ours | {"MPLCONFIGDIR": "others", "TORCHINDUCTOR_CACHE_DIR": "others"}
    return {name: str(home / folder) for name, folder in folders.items()}


def _end(child: Started) -> None:
    """Ends the remaining processes of a command."""
    for each in session_members(child.pid):
        os.kill(each, signal.SIGKILL)
    child.join()


def cpu_of_a_start(world: Path) -> float:
    """Processor time of the imports of a command in a fresh process."""
    seconds = 0.0
    with started_fresh(["show", "snip"], world / "home") as process:
        while process.is_alive():
            seconds = max(seconds, cpu_seconds(process.pid))
            time.sleep(LOOK_S)
    return seconds


def session_members(leader: int) -> list[int]:
    """Living processes of the session that a process leads or led (Linux)."""
    return [number for number, _ in _session(leader)]


def cpu_seconds(leader: int) -> float:
    """Processor time of the living processes of a session."""
    return sum(seconds for _, seconds in _session(leader))


def _session(leader: int) -> Iterator[tuple[int, float]]:
    for entry in os.listdir("/proc"):
        if not entry.isdecimal():
            continue
        try:
            fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(fields[3]) == leader and fields[0] != "Z":
            yield int(entry), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

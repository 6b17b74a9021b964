"""Programs that lead a session, as a terminal starts them, and the processes of a session."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.interpreters import Child

Process = TypeVar("Process", Child, "subprocess.Popen[str]")


def leading(command: Sequence[str]) -> "subprocess.Popen[str]":
    """Starts a command that hears interrupts and leads a session."""
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background has them ignore interrupts, and what they start as well.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


@contextmanager
def ended(child: Process) -> Iterator[Process]:
    """Kills a process that leads a session in the end, and the rest of its session."""
    try:
        with child:
            try:
                yield child
            finally:
                child.kill()
    finally:
        for left in alive(child.pid):
            os.kill(left, signal.SIGKILL)


def alive(session: int) -> list[int]:
    """The processes of a session, except those that ended without being waited for."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name of a process stands in brackets, and may hold anything.
            state, _parent, _group, its_session, *_ = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(its_session) == session and state != "Z":
            found.append(int(path.parent.name))
    return found


def workers(session: int) -> list[int]:
    """The worker processes of joblib in a session."""
    return [each for each in alive(session) if b"popen_loky" in Path(f"/proc/{each}/cmdline").read_bytes()]


def wait_until(ready: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)

"""Ctrl-C where no command can tell what becomes of it: one line, not the traceback of an import.

`python -m autoprox.evolve` imports much before the command begins, and a process has work left after its end. There,
an interrupt ends the process at once; within `raised_interrupts` it is the usual `KeyboardInterrupt`. Programs that
import autoprox keep their own ways: all this is for processes that were started as a command of autoprox.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

INTERRUPTED = 130
"""Exit status of what was interrupted, as shells have it."""


def expect_interrupts() -> None:
    """Has an interrupt end this process with one line, if it is a command of autoprox that minds interrupts at all."""
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with suppress(ValueError):  # not in the main thread: then not by the command line
            signal.signal(signal.SIGINT, _leave)


@contextmanager
def raised_interrupts() -> Iterator[None]:
    """Has an interrupt raise KeyboardInterrupt inside, also where `expect_interrupts` was called.

    Example:
        >>> with raised_interrupts():  # a shell ignores them in the background
        ...     signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_IGN)
        True
    """
    if signal.getsignal(signal.SIGINT) is not _leave:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _leave)


def _is_command() -> bool:
    """Whether this process was started as `autoprox ...` or `python -m autoprox...`."""
    name = sys.argv[0] if sys.argv else ""
    if name != "-m":  # what it is while Python looks for the module, and imports the packages above it
        return os.path.splitext(os.path.basename(name))[0] == "autoprox"
    words = sys.orig_argv
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    return module.partition(".")[0] == "autoprox"


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Ends the process; what could be cleaned up is not worth the traceback of what the cleaning interrupted."""
    os.write(2, b"autoprox: interrupted; no work was under way.\n")
    os._exit(INTERRUPTED)

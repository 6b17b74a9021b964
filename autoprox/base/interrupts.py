"""Ctrl-C where no command can tell what becomes of it: one line, not the traceback of an import.

`python -m autoprox.evolve` imports much before the command begins, and a process has work left after its end. There,
an interrupt ends the process at once; within `raised_interrupts` it is the usual `KeyboardInterrupt`. Programs that
import autoprox keep their own ways: all this is for processes that were started as a command of autoprox.

This is the first module of autoprox that a process loads, so it imports next to nothing: until it is there, an
interrupt is Python's own.
"""

import os
import signal
import sys
from types import FrameType, TracebackType

INTERRUPTED = 130
"""Exit status of what was interrupted, as shells have it."""


def expect_interrupts() -> None:
    """Has an interrupt end this process with one line, if it is a command of autoprox that minds interrupts at all."""
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        try:  # noqa: SIM105 - contextlib takes long to load
            signal.signal(signal.SIGINT, _leave)
        except ValueError:
            pass  # not in the main thread: then not by the command line


class raised_interrupts:  # noqa: N801 - used as a function is
    """Has an interrupt raise KeyboardInterrupt inside, also where `expect_interrupts` was called.

    Example:
        >>> with raised_interrupts():  # a shell ignores them in the background
        ...     signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_IGN)
        True
    """

    def __enter__(self) -> None:
        self._expected = signal.getsignal(signal.SIGINT) is _leave
        if self._expected:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._expected:
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
    os.write(2, b"autoprox: Interrupted. No work was in progress.\n")
    os._exit(INTERRUPTED)

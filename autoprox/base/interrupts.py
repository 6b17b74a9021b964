"""Ctrl-C outside the work of a command: one line instead of the traceback of an import.

`python -m autoprox.evolve` imports many modules before the command starts, and cleans up after it ends. During both, an
interrupt ends the process at once; within `raised_interrupts` it raises the usual `KeyboardInterrupt`. This applies
only to processes that were started as a command of autoprox, not to programs that import it.

This is the first module of autoprox that a process loads, so it imports very little: until it is loaded, Python handles
interrupts.
"""

import _thread
import os
import signal
import sys
import time
from types import FrameType, TracebackType

INTERRUPTED = 130
"""Exit status after an interrupt, as in shells."""
_PAUSE_S = 0.01
# An interrupt that a destructor swallowed is repeated when the destructor has ended.


def expect_interrupts() -> None:
    """Makes an interrupt end this process with one line, if it is a command of autoprox and handles interrupts."""
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        try:  # noqa: SIM105 - contextlib takes long to load
            signal.signal(signal.SIGINT, _leave)
        except ValueError:
            pass  # outside the main thread, so not started as a command


class raised_interrupts:  # noqa: N801 - used like a function
    """Makes an interrupt raise KeyboardInterrupt inside, even after `expect_interrupts` was called.

    Python drops exceptions of destructors and of callbacks of weak references, and prints their traceback. An interrupt
    that arrives there is repeated instead.

    Example:
        >>> with raised_interrupts():  # a shell ignores them in the background
        ...     signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_IGN)
        True
    """

    def __enter__(self) -> None:
        self._expected = signal.getsignal(signal.SIGINT) is _leave
        if self._expected:
            self._hook, sys.unraisablehook = sys.unraisablehook, self._dropped
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._expected:
            signal.signal(signal.SIGINT, _leave)
            sys.unraisablehook = self._hook

    def _dropped(self, told: "sys.UnraisableHookArgs") -> None:
        if issubclass(told.exc_type, KeyboardInterrupt):
            # Another thread waits, since an interrupt inside of this function would be dropped as well.
            _thread.start_new_thread(_repeat, (_thread.get_ident(),))
        else:
            self._hook(told)


def _is_command() -> bool:
    """True if this process was started as `autoprox ...` or `python -m autoprox...`."""
    name = sys.argv[0] if sys.argv else ""
    if name != "-m":  # "-m" while Python finds the module and imports its parent packages
        return os.path.splitext(os.path.basename(name))[0] == "autoprox"
    words = sys.orig_argv
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    return module.partition(".")[0] == "autoprox"


def _repeat(thread: int) -> None:
    time.sleep(_PAUSE_S)
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        signal.pthread_kill(thread, signal.SIGINT)  # which also ends a wait of that thread


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Ends the process without cleaning up, which could print the traceback of an interrupted import."""
    os.write(2, b"autoprox: Interrupted. No work was in progress.\n")
    os._exit(INTERRUPTED)

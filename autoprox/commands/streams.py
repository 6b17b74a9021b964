"""Standard output and error that may break: full, closed, or left by their reader. What a command works on goes on.

A command that has saved its results has done its work, whoever still reads what it says. So nothing here raises: the
first failure is kept, later text is dropped, and the end of the command tells of it.
"""

import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO

USER_ERROR = 2
"""Exit status of what cannot be done as it was asked for."""


class _Tolerant:
    """A text stream that keeps its first failure instead of raising it; in all else the stream that it wraps."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes a text; characters that the encoding lacks are written as Python escapes them."""
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        shown = text.encode(encoding, "backslashreplace").decode(encoding)
        self._try(lambda: self._stream.write(shown))
        return len(text)

    def flush(self) -> None:
        """Flushes the stream."""
        self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        if self.failure is None:
            try:
                act()
            except OSError as error:
                self.failure = error
                _discard(self._stream)


def with_tolerant_streams(body: Callable[[], int]) -> int:
    """Runs a program with standard streams that cannot fail it.

    Args:
        body: The program; returns its exit status.

    Returns:
        Its status; that of an error if it had none and standard output could not take all of its results. That a
        reader went away (`| head`) is not an error.

    Raises:
        SystemExit: If the body does, likewise.
    """
    _open_all()
    output, errors = _Tolerant(sys.stdout), _Tolerant(sys.stderr)
    with redirect_stdout(output), redirect_stderr(errors):
        try:
            status = body()
        except SystemExit as leaving:
            raise SystemExit(_end(output, errors, leaving.code)) from None
        return int(_end(output, errors, status) or 0)


def _end(output: _Tolerant, errors: _Tolerant, status: Any) -> Any:
    output.flush()
    failure = output.failure
    if failure is not None and not isinstance(failure, BrokenPipeError):
        errors.write(
            f"autoprox: error: Standard output cannot be written ({failure.strerror or failure}); what stands in files"
            " is complete.\n"
        )
        status = status or USER_ERROR
    errors.flush()
    return status


def _discard(stream: TextIO) -> None:
    """Has what a broken stream still holds go nowhere, or Python would fail to write it once more at its end."""
    with suppress(OSError, ValueError, AttributeError):  # ValueError: a stream without a file, as in tests
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)


def _open_all() -> None:
    """Opens the standard streams that are closed: a file that is opened later would get their number and their text."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))

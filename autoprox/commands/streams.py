"""Standard output and error that may fail while a command works: full, closed, or abandoned by their reader.

A command that has saved its results has succeeded, even if its output has no reader. So nothing here raises: the
first failure is stored, later text is dropped, and the failure is reported when the command ends.
"""

import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO

WIDTH = 80
"""Columns of a terminal that texts and tables keep to."""

USER_ERROR = 2
"""Exit status after a user's mistake."""


class _Tolerant:
    """A text stream that stores its first failure instead of raising it; otherwise like the stream that it wraps."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes a text; characters that the encoding lacks are escaped as in Python."""
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
        Its status; an error status if it succeeded but standard output could not take all of its results. A reader
        that stops early (`| head`) is not an error.

    Raises:
        SystemExit: If the body raises it; its status is changed likewise.
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
            f"autoprox: error: Standard output cannot be written ({failure.strerror or failure}). Results in files"
            " are complete.\n"
        )
        status = status or USER_ERROR
    errors.flush()
    return status


def _discard(stream: TextIO) -> None:
    """Discards the buffer of a broken stream, since Python would fail to write it again at exit."""
    with suppress(OSError, ValueError, AttributeError):  # ValueError: a stream without a file, as in tests
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)


def _open_all() -> None:
    """Opens closed standard streams, since a file that is opened later would get their number and their text."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # This gets the lowest free number, which is the one of the stream.
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))

"""Messages of a command on standard error: notes, warnings, progress, and errors.

All messages go through `logging`, so that no command handles `--quiet` and `--log-json` itself. They are read here,
once and first, and set the level and the format of the only handler.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from textwrap import fill

from tqdm.auto import tqdm

import autoprox.base.progress
from autoprox.base.errors import AutoproxError, WorkerLossError
from autoprox.base.interrupts import INTERRUPTED
from autoprox.base.logs import LOGGER, levels
from autoprox.commands.streams import USER_ERROR, WIDTH

FLAGS = {
    "--quiet": "print results and errors only: no notes, warnings or progress",
    "--log-json": "write notes, warnings, progress and errors as JSON, one object per line of standard error",
}
"""The options of every command."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds --quiet and --log-json. Parsed options do not contain them: `run_command` reads them."""
    for flag, purpose in FLAGS.items():
        parser.add_argument(flag, action="store_true", default=argparse.SUPPRESS, help=purpose)


def run_command(name: str, arguments: Sequence[str], body: Callable[[], int]) -> int:
    """Runs the body of a command; a user's mistake becomes one line on standard error and status 2.

    Args:
        name: Name of the command.
        arguments: Its arguments; only the flags of `add_flags` are read here.
        body: The work of the command; returns its exit status.

    Example:
        >>> run_command("show", ["--quiet"], lambda: 0)
        0
    """
    with reporting(name, quiet="--quiet" in arguments, log_json="--log-json" in arguments):
        try:
            return body()
        except WorkerLossError as loss:
            LOGGER.error(f"{loss} Repeat the command with fewer --jobs; completed work is saved.")
            return USER_ERROR
        except AutoproxError as error:
            LOGGER.error(str(error))
            return USER_ERROR
        except OSError as error:  # not explained by any layer below: a folder vanished, a device failed
            place = "" if error.filename is None else f"'{os.fsdecode(error.filename)}': "
            LOGGER.error(f"{place}{error.strerror or error}. Check the path and its permissions, then repeat.")
            return USER_ERROR
        except MemoryError:
            LOGGER.error("There is not enough memory. Use fewer --jobs, or less data at once.")
            return USER_ERROR
        except KeyboardInterrupt as interruption:
            # A command that knows how to resume raises it with that text.
            remedy = str(interruption) or "Repeat the command to continue."
            # Above the level of errors: --quiet lets it through, and no format labels it an error.
            LOGGER.critical(f"Interrupted. Completed work (statistics, trainings) is saved. {remedy}")
            return INTERRUPTED


@contextmanager
def reporting(command: str, *, quiet: bool, log_json: bool) -> Iterator[None]:
    """Writes records of `logging` to standard error, including those of other packages and Python's warnings.

    Args:
        command: Name of the command, for JSON.
        quiet: Writes errors only if true.
        log_json: Writes JSON lines if true, with progress as lines even on a terminal.
    """
    handler = StandardError(JsonLines(command) if log_json else Sentences(WIDTH if sys.stderr.isatty() else None))
    if quiet:
        handler.setLevel(logging.ERROR)
    progress = logging.ERROR if quiet else logging.INFO if log_json else autoprox.base.progress.BAR
    root = logging.getLogger()
    root.addHandler(handler)
    logging.captureWarnings(capture=True)
    try:
        with levels(logging.INFO, LOGGER.name), levels(progress, autoprox.base.progress.LOGGER.name):
            yield
    finally:
        logging.captureWarnings(capture=False)
        root.removeHandler(handler)


_INDENT = " " * len("autoprox: ")


class StandardError(logging.Handler):
    """Writes records to the current standard error, above its progress bars."""

    def __init__(self, form: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(form)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        tqdm.write(self.format(record), file=sys.stderr)
        sys.stderr.flush()


class Sentences(logging.Formatter):
    r"""One line per record, for readers, without control characters.

    Args:
        width: Columns of a terminal, on which a record is broken into lines; None for a file, which can be searched
            for whole messages.

    Example:
        >>> Sentences().format(logging.makeLogRecord({"levelno": 40, "levelname": "ERROR", "msg": "No\n 'sn\x1bip'."}))
        "autoprox: error: No 'sn\\x1bip'."
    """

    def __init__(self, width: int | None = None) -> None:
        super().__init__()
        self._width = width

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record."""
        named = record.levelno in (logging.WARNING, logging.ERROR)
        label = f"{record.levelname.lower()}: " if named else ""
        text = f"autoprox: {label}{one_line(record.getMessage())}"
        if self._width is not None:
            text = fill(text, self._width, subsequent_indent=_INDENT, break_on_hyphens=False, break_long_words=False)
        lines = [text]
        return "\n".join([*lines, self.formatException(record.exc_info)] if record.exc_info else lines)


class JsonLines(logging.Formatter):
    """One JSON object per record: time (ISO 8601, UTC), level, command, logger, message, and counts of a milestone.

    Args:
        command: Name of the command.
    """

    def __init__(self, command: str) -> None:
        super().__init__()
        self._command = command

    def format(self, record: logging.LogRecord) -> str:
        """The object of a record."""
        document = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "command": self._command,
            "logger": record.name,
            "message": " ".join(record.getMessage().split()),
            **getattr(record, "progress", {}),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document)


def one_line(text: str) -> str:
    r"""A text without line breaks, and with control characters escaped as in Python.

    Example:
        >>> one_line("two\nlines, one \x1b[31mred")
        'two lines, one \\x1b[31mred'
    """
    joined = " ".join(text.split())
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in joined)

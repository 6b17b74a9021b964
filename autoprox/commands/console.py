"""What all commands share: errors as one line, bars on a terminal, results as text or JSON."""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import pandas as pd

from autoprox.errors import AutoproxError
from autoprox.parallel import BACKENDS, backend
from autoprox.progress import with_progress

T = TypeVar("T")

USER_ERROR = 2
INTERRUPTED = 130


def run_command(body: Callable[[], int], inside: AbstractContextManager[None] | None = None) -> int:
    """Runs the body of a command; a user's mistake becomes one line on standard error and status 2.

    Args:
        body: What the command does; returns its exit status.
        inside: What is entered around it (`chosen_backend`).

    Example:
        >>> run_command(lambda: 0)
        0
    """
    try:
        with inside or nullcontext():
            return body()
    except AutoproxError as error:
        sys.stderr.write(f"autoprox: error: {' '.join(str(error).split())}\n")
        return USER_ERROR
    except KeyboardInterrupt as interruption:
        # A command that knows more of how to go on raises it with that text.
        remedy = str(interruption) or "Give the same command again to go on."
        sys.stderr.write(f"autoprox: interrupted; what was finished (statistics, trainings) is kept. {remedy}\n")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not an error of ours, and nobody is left to be told.
        sys.stderr.close()
        return 0


def say(text: str = "") -> None:
    """Writes a line to standard output."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Writes a line about the work itself to standard error, so that results can be piped."""
    sys.stderr.write(f"autoprox: {text}\n")


def say_json(value: Any) -> None:
    """Writes one JSON object to standard output."""
    say(json.dumps(value, indent=2, allow_nan=False))


def network_bar(networks: Iterable[T], total: int) -> Iterable[T]:
    """Tells how far the collection of statistics has come: a bar on a terminal, a line now and then in a log."""
    return with_progress(networks, total, "network")


def add_backend_options(parser: argparse.ArgumentParser) -> None:
    """Adds --backend and --address."""
    parser.add_argument(
        "--backend",
        default=BACKENDS[0],
        metavar="B",
        help="where processes run: loky (this machine), dask or ray; results do not depend on it (default: loky)",
    )
    parser.add_argument("--address", metavar="A", help="address of the cluster, for dask such as tcp://host:8786")


def chosen_backend(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Where the processes of a command run, by its options; as it is for one that has no --backend."""
    return backend(options.backend, options.address) if "backend" in options else nullcontext()


def text_table(rows: list[dict[str, str]]) -> str:
    """Rows of equal keys as aligned text.

    Example:
        >>> print(text_table([{"a": "1", "b": "x"}, {"a": "22", "b": "y"}]))
         a b
         1 x
        22 y
    """
    return pd.DataFrame(rows).to_string(index=False)


def say_columns(rows: list[list[str]]) -> None:
    """Writes rows of equal length as columns, each as wide as its longest cell.

    Example:
        >>> say_columns([["a", "b"], ["long", "c"]])
        a     b
        long  c
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def number(value: float, digits: int = 3) -> str:
    """A correlation as text; a dash where it is undefined.

    Example:
        >>> number(0.51234), number(float("nan"))
        ('0.512', '-')
    """
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def interval(bounds: tuple[float, float]) -> str:
    """An interval as text.

    Example:
        >>> interval((0.1, 0.25))
        '[0.10, 0.25]'
    """
    return f"[{number(bounds[0], 2)}, {number(bounds[1], 2)}]"

"""What all commands share: errors as one line, bars on a terminal, results as text or JSON."""

import json
import math
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pandas as pd
from tqdm.auto import tqdm

from autoprox.errors import AutoproxError

T = TypeVar("T")

USER_ERROR = 2
INTERRUPTED = 130


def run_command(body: Callable[[], int]) -> int:
    """Runs the body of a command; a user's mistake becomes one line on standard error and status 2.

    Example:
        >>> run_command(lambda: 0)
        0
    """
    try:
        return body()
    except AutoproxError as error:
        sys.stderr.write(f"autoprox: error: {' '.join(str(error).split())}\n")
        return USER_ERROR
    except KeyboardInterrupt:
        sys.stderr.write("autoprox: interrupted; what was finished (statistics, trainings) is kept.\n")
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
    """A bar over networks that statistics are collected of; nothing where standard error is no terminal."""
    return tqdm(networks, total=total, desc="statistics", unit="network", disable=None, leave=False)


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

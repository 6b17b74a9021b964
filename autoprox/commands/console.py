"""Output of all commands: results as text or JSON, notes, and progress; options for processes."""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from textwrap import fill
from typing import Any, TypeVar

import pandas as pd
from joblib import cpu_count

from autoprox.base.logs import LOGGER
from autoprox.base.parallel import BACKENDS, backend
from autoprox.base.progress import progress, with_progress
from autoprox.commands.streams import WIDTH
from autoprox.commands.values import Text, Whole

T = TypeVar("T")


_LEAST_COLUMN = 36
# Least width of a column of prose.


def say(text: str = "") -> None:
    """Writes a line to standard output."""
    sys.stdout.write(text + "\n")


def say_text(text: str, indent: int = 0) -> None:
    """Writes prose to standard output, broken into lines of at most 80 columns.

    Args:
        text: The text.
        indent: Columns by which all lines but the first are indented.

    Example:
        >>> say_text("a word " * 14, 2)
        a word a word a word a word a word a word a word a word a word a word a word a
          word a word a word
    """
    say(_filled(text.strip(), indent))


def _filled(text: str, indent: int) -> str:
    return fill(text, WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False, break_long_words=False)


def say_field(name: str, text: str) -> None:
    """Writes a name and its text in two columns.

    Example:
        >>> say_field("needs", "params")
        needs     params
    """
    say_text(f"{name:<10}{text}", 10)


def say_written(paths: Sequence[Path], most: int = 4) -> None:
    """Names at most `most` of the files that were written into one folder.

    Example:
        >>> say_written([Path("runs/a/best.json"), Path("runs/a/run.json")], 1)
        written   runs/a: best.json and 1 more
    """
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    say_field("written", f"{paths[0].parent}: {', '.join(each.name for each in paths[:most])}{more}")


def note(text: str) -> None:
    """Writes a note on the work to standard error, so that results can be piped."""
    LOGGER.info(text)


def warn(text: str) -> None:
    """Writes a warning about the reliability of a result."""
    LOGGER.warning(text)


def fault(text: str) -> None:
    """Writes one of several faults, before the error that ends the command."""
    LOGGER.error(text)


def say_json(value: Any) -> None:
    """Writes one JSON object to standard output."""
    say(json.dumps(value, indent=2, allow_nan=False))


def network_bar(networks: Iterable[T], total: int, *, name: str = "") -> Iterable[T]:
    """Shows the progress of collecting statistics: a bar on a terminal, occasional lines in a log."""
    return with_progress(networks, total, "network", name=name)


def continued_bar(unit: str) -> Callable[[Iterable[Any], int, int], Iterable[Any]]:
    """Shows the progress of work that may have been resumed; `unit` names one item, in the singular."""
    return lambda items, total, done: with_progress(items, total, unit, done=done)


@contextmanager
def candidate_bar(
    total: int | None, done: int = 0, *, unit: str = "candidate", name: str = ""
) -> Iterator[Callable[[int, float], None]]:
    """Shows the progress of a search.

    Args:
        total: Number of candidates; None if the search is limited by time.
        done: Number of candidates before the search was resumed.
        unit: Name of one item, in the singular.
        name: Name of the step, such as "2/3 search".

    Yields:
        A function that takes the number of candidates and the best fitness so far.
    """
    with progress(total, unit, done=done, name=name) as reach:
        yield lambda evaluated, best: reach(evaluated, f"best {number(best)}")


def add_process_options(parser: argparse.ArgumentParser, purpose: str = "processes", jobs: int | None = None) -> None:
    """Adds --jobs, --backend and --address.

    Args:
        parser: The parser to extend.
        purpose: Help of --jobs.
        jobs: Default number of processes; one per core if None.
    """
    count = cpu_count() if jobs is None else jobs
    how = "%(default)s" if jobs is not None else "one per core, here %(default)s"
    parser.add_argument(
        "--jobs",
        type=Whole(1, 4096),
        default=count,
        metavar="N",
        help=f"{purpose}; results do not depend on it (default: {how})",
    )
    parser.add_argument(
        "--backend",
        default=BACKENDS[0],
        metavar="B",
        help="where processes run: loky (this machine), dask or ray; results do not depend on it (default: loky)",
        type=Text(BACKENDS),
    )
    parser.add_argument(
        "--address",
        metavar="A",
        help="address of the cluster, for dask such as tcp://host:8786",
        type=Text(),
    )


def chosen_backend(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Selects the backend of --backend and --address; no change for a command without these options."""
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

    A last column that does not fit is broken into lines, or starts below the others if they leave too little space.

    Example:
        >>> say_columns([["a", "b"], ["long", "c"]])
        a     b
        long  c
    """
    *widths, last = [max(map(len, column)) for column in zip(*rows, strict=True)]
    start = sum(widths) + 2 * len(widths)
    for *cells, text in rows:
        line = "".join(f"{cell.ljust(width)}  " for cell, width in zip(cells, widths, strict=True))
        if start + last <= WIDTH or WIDTH - start >= _LEAST_COLUMN:
            say(_filled(line + text, start).rstrip())
        else:
            say(_filled(line, 4).rstrip())
            say(_filled("    " + text, 4))


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

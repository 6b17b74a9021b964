"""Errors that autoprox raises on purpose.

All of them derive from `AutoproxError` and from the corresponding built-in error: an invalid value is a `ValueError`,
an unknown name a `LookupError`.

A message names the value that was given, its place, the allowed values, the nearest valid name, and the remedy. It
names arguments of functions in backticks, as in `jobs`, and never options of the command line: `autoprox.commands`
replaces the argument by its option, prints the message as one line and exits with status 2.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path


class AutoproxError(Exception):
    """Root of all errors that autoprox raises on purpose."""


class RegistryError(AutoproxError, LookupError):
    """A name is unknown or already registered."""


class SpecError(AutoproxError, ValueError):
    """An architecture or an argument is invalid."""


class KindError(AutoproxError, ValueError):
    """The kinds of a graph are incompatible, or its text cannot be parsed."""


class TableError(AutoproxError, ValueError):
    """A benchmark table is missing or damaged, or lacks the requested content."""


class ImageError(AutoproxError, ValueError):
    """Images are missing or damaged, or their folder has no known layout."""


class StoreMismatchError(AutoproxError, ValueError):
    """A stored file is damaged, or belongs to something else.

    Args:
        message: The problem and the remedy.
        path: The file, if known.
    """

    def __init__(self, message: str, path: Path | None = None) -> None:
        super().__init__(message)
        self.path = path


class CollectionError(AutoproxError, ValueError):
    """Statistics cannot be collected from a model with the given inputs."""


class UndefinedScoreError(AutoproxError, ArithmeticError):
    """A proxy has no finite value on a network."""


class WorkerLossError(AutoproxError, RuntimeError):
    """A worker process was lost."""


class FitError(AutoproxError, ValueError):
    """A predictor cannot be fitted or applied to the given data."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Ends an error message about an unknown name with the nearest valid one and the list of all.

    Args:
        name: The unknown name.
        known: The allowed names.

    Returns:
        One or two sentences that follow the statement of the error.

    Example:
        >>> suggestion("digit", ["digits", "mnist"])
        "Did you mean 'digits'? Allowed: digits, mnist."
    """
    names = sorted(known)
    near = nearest(name, names)
    return f"{near} Allowed: {', '.join(names) or '(none)'}.".lstrip()


def nearest(name: str, known: Iterable[str], likeness: float = 0.5) -> str:
    """Returns a question that names the nearest valid name, or an empty text if no name is near.

    Args:
        name: The unknown name.
        known: The allowed names.
        likeness: Least similarity of a near name: the ratio of `difflib.SequenceMatcher`, from 0 to 1.

    Example:
        >>> nearest("digit", ["digits", "mnist"])
        "Did you mean 'digits'?"
    """
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=likeness)
    return f"Did you mean '{near[0]}'?" if near else ""

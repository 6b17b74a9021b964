"""The errors that a user can meet.

Every one of them derives from `AutoproxError`, and from what Python raises in such a case: a value that is not allowed
is a `ValueError`, an unknown name a `LookupError`.

A message says what was given, where, what is allowed, the nearest valid name, and what to do. It names arguments of
functions in backticks, as in `jobs`, and no options of the command line: `autoprox.commands` puts an option in the
place of its argument, prints the message as one line and exits with status 2.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path


class AutoproxError(Exception):
    """Root of all errors that autoprox raises on purpose."""


class RegistryError(AutoproxError, LookupError):
    """A name is unknown, or registered twice."""


class SpecError(AutoproxError, ValueError):
    """An architecture or an argument lies outside what is allowed."""


class KindError(AutoproxError, ValueError):
    """The kinds of a graph do not fit together, or its text cannot be read."""


class TableError(AutoproxError, ValueError):
    """A benchmark table is missing, broken, or does not hold what was asked of it."""


class ImageError(AutoproxError, ValueError):
    """Images are missing or broken, or do not lie as any known data set does."""


class StoreMismatchError(AutoproxError, ValueError):
    """A stored file does not belong to what it is used with, or was changed by hand.

    Args:
        message: What is wrong, and what to do.
        path: The file, where it is known.
    """

    def __init__(self, message: str, path: Path | None = None) -> None:
        super().__init__(message)
        self.path = path


class CollectionError(AutoproxError, ValueError):
    """Statistics cannot be collected from this model with these inputs."""


class UndefinedScoreError(AutoproxError, ArithmeticError):
    """A proxy has no finite value on a network."""


class WorkerLossError(AutoproxError, RuntimeError):
    """A process that did part of the work is gone."""


class FitError(AutoproxError, ValueError):
    """A predictor cannot be fitted to these data, or not be applied to them."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Ends an error message about an unknown name with the nearest valid one and the list of all.

    Args:
        name: What was given.
        known: The names that are allowed.

    Returns:
        A sentence or two, to be put behind the statement of what is wrong.

    Example:
        >>> suggestion("digit", ["digits", "mnist"])
        "Did you mean 'digits'? Allowed: digits, mnist."
    """
    names = sorted(known)
    near = nearest(name, names)
    return f"{near} Allowed: {', '.join(names) or '(none)'}.".lstrip()


def nearest(name: str, known: Iterable[str], likeness: float = 0.5) -> str:
    """A question for the nearest valid name, or nothing if none is near.

    Args:
        name: What was given.
        known: The names that are allowed.
        likeness: From which likeness on one is near: the ratio of `difflib.SequenceMatcher`, from 0 to 1.

    Example:
        >>> nearest("digit", ["digits", "mnist"])
        "Did you mean 'digits'?"
    """
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=likeness)
    return f"Did you mean '{near[0]}'?" if near else ""

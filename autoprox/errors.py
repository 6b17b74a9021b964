"""The errors that a user can meet. Every one of them derives from `AutoproxError`.

A message says what was given, where, what is allowed, the nearest valid name, and what to do. The command line prints
it as one line and exits with status 2.
"""

import difflib
from collections.abc import Iterable


class AutoproxError(Exception):
    """Root of all errors that autoprox raises on purpose."""


class RegistryError(AutoproxError):
    """A name is unknown, or registered twice."""


class SpecError(AutoproxError):
    """An architecture or an option lies outside what is allowed."""


class KindError(AutoproxError):
    """The kinds of a graph do not fit together, or its text cannot be read."""


class TableError(AutoproxError):
    """A benchmark table is missing, broken, or does not hold what was asked of it."""


class ImageError(AutoproxError):
    """Images are missing or broken, or do not lie as any known data set does."""


class StoreMismatchError(AutoproxError):
    """A stored file does not belong to what it is used with, or was changed by hand."""


class CollectionError(AutoproxError):
    """Statistics cannot be collected from this model with these inputs."""


class UndefinedScoreError(AutoproxError):
    """A proxy has no finite value on a network."""


class FitError(AutoproxError, ValueError):
    """A predictor cannot be fitted to these data, or not be applied to them.

    It is a ValueError as well: that is what users of scikit-learn expect.
    """


MANY = 12
"""More names than that are listed only if none of them is near."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Ends an error message about an unknown name with the nearest valid one and the list of all, if it is short.

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
    many = len(names) > MANY
    near = [f"'{each}'" for each in difflib.get_close_matches(name, names, n=3 if many else 1, cutoff=0.5)]
    hint = f"Did you mean {' or '.join(near)}?" if near else ""
    if near and many:
        return hint
    return f"{hint} Allowed: {', '.join(names) or '(none)'}.".lstrip()

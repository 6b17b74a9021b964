"""A result that is one file: nothing is replaced unasked."""

from collections.abc import Iterable
from pathlib import Path

from autoprox.base.errors import SpecError


def require_free(paths: Iterable[Path], *, force: bool) -> None:
    """Looks at the places of files before anything is computed, and changes nothing.

    Args:
        paths: Where files are to be written.
        force: Whether files that are there may be replaced.

    Raises:
        SpecError: If something is there that may not be replaced.
    """
    for path in paths:
        if path.is_dir():
            raise SpecError(f"'{path}' cannot be written: it is a folder.")
        if path.is_symlink():  # /dev/stdout is one
            raise SpecError(f"'{path}' cannot be written: it is a link; give the path that it leads to.")
        if path.exists() and not path.is_file():
            raise SpecError(f"'{path}' cannot be written: it is not a regular file; give another path.")
        if path.exists() and not force:
            raise SpecError(f"The file '{path}' exists; give another one, or --force to replace it.")

"""Results in single files, which replace nothing without --force."""

from collections.abc import Iterable
from pathlib import Path

from autoprox.base.errors import SpecError


def require_free(paths: Iterable[Path], *, force: bool) -> None:
    """Checks before any computation that files can be written; changes nothing.

    Args:
        paths: The files to write.
        force: Allows existing files to be replaced if true.

    Raises:
        SpecError: If a path exists and may not be replaced.
    """
    for path in paths:
        if path.is_dir():
            raise SpecError(f"'{path}' cannot be written: it is a folder.")
        if path.is_symlink():  # /dev/stdout is one
            raise SpecError(f"'{path}' cannot be written: it is a link; give its target.")
        if path.exists() and not path.is_file():
            raise SpecError(f"'{path}' cannot be written: it is not a regular file; give another path.")
        if path.exists() and not force:
            raise SpecError(f"The file '{path}' exists; give another one, or --force to replace it.")

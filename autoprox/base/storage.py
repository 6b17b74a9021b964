"""What the journals of long computations share: a lock, a fresh start, a look from outside, errors that help.

A journal is one SQLite file. Its lock is a database of its own beside it, so that others can read the journal while it
is written, and goes with the process, however that ends.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autoprox.base.errors import AutoproxError, StoreMismatchError


def locked(path: Path, in_use: str) -> sqlite3.Connection:
    """Takes the lock of a journal; closing what is returned gives it back.

    Args:
        path: The journal.
        in_use: What to say if another process has it.

    Raises:
        StoreMismatchError: If another process has it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     lock = locked(Path(folder) / "journal.sqlite", "in use")
        ...     try:
        ...         locked(Path(folder) / "journal.sqlite", "in use")
        ...     except StoreMismatchError as error:
        ...         print(error)
        ...     lock.close()
        in use
    """
    lock = sqlite3.connect(path.with_name(path.name + ".lock"), isolation_level=None, timeout=0)
    try:
        lock.execute("begin exclusive")
    except sqlite3.OperationalError as error:
        lock.close()
        raise StoreMismatchError(in_use) from error
    return lock


def discard(path: Path) -> None:
    """Removes a journal and what SQLite keeps beside it; the lock stays."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def first_value(path: Path, table: str, query: str) -> Any:
    """The first value of the first row that a query finds; None if there is no row, no such table, or no file.

    Raises:
        StoreMismatchError: If the file cannot be read as a journal.
    """
    if not path.exists():
        return None
    with explained(path):
        connection = sqlite3.connect(path)
        try:
            tables = {name for (name,) in connection.execute("select name from sqlite_master")}
            row = connection.execute(query).fetchone() if table in tables else None
        finally:
            connection.close()
    return None if row is None else row[0]


@contextmanager
def explained(path: Path | None) -> Iterator[None]:
    """Turns what SQLite says of a journal into errors that say what to do.

    Raises:
        AutoproxError: If there is no space left.
        StoreMismatchError: If the file cannot be used.
    """
    try:
        yield
    except sqlite3.Error as error:
        if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
            raise AutoproxError(
                f"There is no space left for the journal '{path}'. Free some and go on with --resume; nothing is lost."
            ) from error
        raise StoreMismatchError(
            f"The journal '{path}' cannot be used: {error}. If it is damaged, give --force to begin anew."
        ) from error

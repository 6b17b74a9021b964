"""How often the sealed part of a table was scored on this machine, by any command.

A sealed split is worth what its secrecy is worth: every look at it is counted in the user's state folder, and reports
print the count.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from autoprox.base.errors import AutoproxError

_SCHEMA = "create table if not exists sealed (table_digest text primary key, scorings integer not null) without rowid"
_INCREMENT = """
insert into sealed values (?, 1) on conflict (table_digest) do update set scorings = scorings + 1 returning scorings
"""


def sealed_count(table_digest: str, folder: Path | None = None) -> int:
    """Says how often the sealed split of a table was scored.

    Args:
        table_digest: Digest of the table.
        folder: Where the count is kept; the user's state folder if None.

    Raises:
        AutoproxError: If the count cannot be read.
    """
    with _database(folder) as connection:
        row = connection.execute("select scorings from sealed where table_digest = ?", (table_digest,)).fetchone()
    return 0 if row is None else int(row[0])


def count_sealed(table_digest: str, folder: Path | None = None) -> int:
    """Counts one scoring of the sealed split of a table; call it before scoring.

    Args:
        table_digest: Digest of the table.
        folder: Where the count is kept; the user's state folder if None.

    Returns:
        The number of scorings, this one included.

    Raises:
        AutoproxError: If the count cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as name:
        ...     count_sealed("a", Path(name)), count_sealed("a", Path(name)), sealed_count("b", Path(name))
        (1, 2, 0)
    """
    with _database(folder) as connection:
        (scorings,) = connection.execute(_INCREMENT, (table_digest,)).fetchone()
    return int(scorings)


@contextmanager
def _database(folder: Path | None) -> Iterator[sqlite3.Connection]:
    """Opens the counts; everything inside is one transaction, which SQLite's lock keeps apart from other processes."""
    place = Path(platformdirs.user_state_dir("autoprox")) if folder is None else folder
    path = place / "sealed.sqlite"
    try:
        place.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=30)
        try:
            with connection:
                connection.execute(_SCHEMA)
                yield connection
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        raise AutoproxError(
            f"The count of scorings of the sealed split, {path}, cannot be used: {error}. Make the folder writable, or "
            "delete the file if it is damaged."
        ) from error

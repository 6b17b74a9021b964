"""Count of the scorings of the sealed part of a table on this machine, by any command.

A sealed split is useful only while it is unseen. Every scoring is therefore counted in the user's state folder, and
reports print the count.
"""

from pathlib import Path

import platformdirs

from autoprox.base.errors import AutoproxError, SpecError
from autoprox.base.files import require_writable
from autoprox.base.store import Store, StoreFormat

_FORM = StoreFormat(
    "count of scorings of the sealed split",
    "create table sealed (table_digest text primary key, scorings integer not null) without rowid",
    "Restore {path}, or delete it to count from 0.",
    log=False,  # a write-ahead log needs shared memory, which network file systems do not support
    synchronous="full",
)
_COUNT = "select scorings from sealed where table_digest = ?"
_INCREMENT = """
insert into sealed values (?, 1) on conflict (table_digest) do update set scorings = scorings + 1 returning scorings
"""


def sealed_count(table_digest: str, folder: Path | None = None) -> int:
    """Number of scorings of the sealed split of a table.

    Args:
        table_digest: Digest of the table.
        folder: Folder of the count; the user's state folder if None.

    Raises:
        AutoproxError: If the count cannot be read.
    """
    with _opened(folder) as store, store.decoding():
        return sum(int(count) for (count,) in store.rows(_COUNT, (table_digest,)))


def count_sealed(table_digest: str, folder: Path | None = None) -> int:
    """Counts one scoring of the sealed split of a table; call it before scoring.

    Args:
        table_digest: Digest of the table.
        folder: Folder of the count; the user's state folder if None.

    Returns:
        The number of scorings, including this one.

    Raises:
        AutoproxError: If the count cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as name:
        ...     count_sealed("a", Path(name)), count_sealed("a", Path(name)), sealed_count("b", Path(name))
        (1, 2, 0)
    """
    with _opened(folder) as store, store.decoding(), store.transaction() as connection:
        ((scorings,),) = connection.execute(_INCREMENT, (table_digest,)).fetchall()
        return int(scorings)


def _opened(folder: Path | None) -> Store:
    place = Path(platformdirs.user_state_dir("autoprox")) if folder is None else folder
    try:
        require_writable(place)
    except SpecError as error:
        raise AutoproxError(
            f"Scorings of the sealed split cannot be counted. {error} The environment variable XDG_STATE_HOME sets it."
        ) from error
    return Store(place / "sealed.sqlite", _FORM, wait_s=30)

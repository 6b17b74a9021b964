"""The journal of a search: what was measured of every candidate, committed at once, in one SQLite file.

It holds no state of the search. A search that goes on proposes the same candidates again, which costs little, and finds
in the journal what they are worth: so it ends as if it had never been stopped.
"""

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from autoprox.base.errors import StoreMismatchError
from autoprox.base.storage import discard, explained, first_value, locked
from autoprox.search.scoring import Measured
from autoprox.spaces import Arch

JOURNAL = "candidates.sqlite"
"""Name of the file in the folder of a search: another one than that of a run, which `autoprox.runs` looks for."""

JOURNAL_FORMAT = 1

_SCHEMA = """
create table if not exists meta (name text primary key, value text not null) without rowid;
create table if not exists candidates (
    id integer primary key, arch_id text not null unique, arch_json text not null, parts text not null,
    reason text not null
);
"""


_IN_USE = "The search in '{}' is in progress in another process. Wait for it, or give another --out."


class Journal:
    """The candidates of one search. One process at a time may write; others may read meanwhile.

    Args:
        path: The file; made if it does not exist. None keeps the journal in memory.
        definition: All that the search's course depends on, but for its end, as JSON-like data.
        anew: Whether what stands there is replaced, once nobody else is using it.

    Raises:
        StoreMismatchError: If the file is no journal, is damaged, belongs to another search or format, or is in use.

    Example:
        >>> with Journal(None, {"seed": 0}) as journal:
        ...     journal.record(Arch.of("toy", {"width": 8}), Measured((0.5,), ""))
        ...     len(journal), journal.lookup(Arch.of("toy", {"width": 8}))
        (1, Measured(parts=(0.5,), reason=''))
    """

    def __init__(self, path: Path | None, definition: dict[str, Any], *, anew: bool = False) -> None:
        self.path = path
        with explained(path), ExitStack() as opened:
            if path is not None:
                opened.callback(locked(path, _IN_USE.format(path.parent)).close)
                if anew:
                    discard(path)
            self._connection = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
            opened.callback(self._connection.close)
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            self._connection.executescript(_SCHEMA)
            self._check(definition)
            self._found = dict(self._rows())
            self._opened = opened.pop_all()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def __len__(self) -> int:
        return len(self._found)

    def lookup(self, arch: Arch) -> Measured | None:
        """What was measured of an architecture, if it was."""
        return self._found.get(arch.arch_id)

    def record(self, arch: Arch, measured: Measured) -> None:
        """Commits what was measured of an architecture.

        Raises:
            AutoproxError: If the file cannot be written.
        """
        parts = json.dumps([value if math.isfinite(value) else None for value in measured.parts])
        row = (arch.arch_id, arch.json, parts, measured.reason)
        with explained(self.path):
            self._connection.execute("insert into candidates values (null, ?, ?, ?, ?)", row)
        self._found[arch.arch_id] = measured

    def _rows(self) -> Iterator[tuple[str, Measured]]:
        for arch_id, parts, reason in self._connection.execute("select arch_id, parts, reason from candidates"):
            values = tuple(math.nan if value is None else value for value in json.loads(parts))
            yield arch_id, Measured(values, reason)

    def _check(self, definition: dict[str, Any]) -> None:
        expected = {"format": JOURNAL_FORMAT, **definition}
        for name, value in expected.items():
            row = (name, json.dumps(value))
            self._connection.execute("insert or ignore into meta values (?, ?)", row)
            (found,) = self._connection.execute("select value from meta where name = ?", (name,)).fetchone()
            if found != row[1]:
                raise StoreMismatchError(
                    f"The search in '{self.path}' was begun with another {name.replace('_', ' ')}: {found}, now "
                    f"{row[1]}. Give the options that it was begun with, or another --out, or --force to begin anew."
                )


def recorded(path: Path) -> int:
    """How many candidates a journal holds; 0 if there is none.

    Raises:
        StoreMismatchError: If the file cannot be read as a journal.
    """
    return int(first_value(path, "candidates", "select count(*) from candidates") or 0)

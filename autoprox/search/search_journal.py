"""The journal of a search: measured values of every candidate, committed immediately, in one SQLite file.

It contains no state of the search. A resumed search proposes the same candidates again, which is cheap, and reads their
values from the journal. So its result is the same as without an interruption.
"""

import json
import math
from pathlib import Path
from typing import Any

from autoprox.base.store import FACTS, Store, StoreFormat, first_value
from autoprox.search._arch_scores import Measured
from autoprox.spaces import Arch

JOURNAL = "candidates.sqlite"
"""Name of the file in the folder of a search. It differs from the journal of a run, which `autoprox.runs` reads."""

FORMAT = StoreFormat(
    "journal of a search",
    f"""
{FACTS};
create table candidates (
    id integer primary key, arch_id text not null unique, arch_json text not null, parts text not null,
    reason text not null
)
""",
    "Restore it, or delete it and search again.",
)


class SearchJournal:
    """The candidates of one search. One process at a time may write; others may read.

    Args:
        path: The file; made if it does not exist. None keeps the journal in memory.
        definition: All that determines the search, except its budget, as JSON-compatible data.

    Raises:
        StoreMismatchError: If the file is not a journal, is damaged, belongs to another search or format, or is in use.

    Example:
        >>> with SearchJournal(None, {"seed": 0}) as journal:
        ...     journal.record(Arch("toy", {"width": 8}), Measured((0.5,), ""))
        ...     len(journal), journal.lookup(Arch("toy", {"width": 8}))
        (1, Measured(parts=(0.5,), reason=''))
    """

    def __init__(self, path: Path | None, definition: dict[str, Any]) -> None:
        place = "memory" if path is None else path.parent
        in_use = f"The search in '{place}' is in use by another process. Wait for it, or choose another folder."
        self._store = Store(path, FORMAT, in_use=in_use)
        try:
            facts = {name: json.dumps(value) for name, value in definition.items()}
            self._store.require_same(self._store.bind(facts), facts)
            self._found = self._measured()
        except BaseException:
            self._store.close()
            raise

    def __enter__(self) -> "SearchJournal":
        return self

    def __exit__(self, *_: object) -> None:
        self._store.finish()

    def __len__(self) -> int:
        return len(self._found)

    def lookup(self, arch: Arch) -> Measured | None:
        """Measured values of an architecture; None if there are none."""
        return self._found.get(arch.arch_id)

    def record(self, arch: Arch, measured: Measured) -> None:
        """Commits the measured values of an architecture.

        Raises:
            AutoproxError: If the file cannot be written.
        """
        parts = json.dumps([value if math.isfinite(value) else None for value in measured.parts])
        row = (arch.arch_id, arch.json, parts, measured.reason)
        self._store.write("insert into candidates values (null, ?, ?, ?, ?)", [row])
        self._found[arch.arch_id] = measured

    def _measured(self) -> dict[str, Measured]:
        with self._store.decoding():
            rows = self._store.rows("select arch_id, parts, reason from candidates")
            return {arch_id: Measured(_values(parts), reason) for arch_id, parts, reason in rows}


def _values(parts: str) -> tuple[float, ...]:
    return tuple(math.nan if value is None else float(value) for value in json.loads(parts))


def recorded(path: Path) -> int:
    """Number of candidates in a journal; 0 without a file.

    Raises:
        StoreMismatchError: If the file cannot be read as a journal.
    """
    return int(first_value(path, FORMAT, "select count(*) from candidates") or 0)

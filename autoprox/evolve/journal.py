"""The journal of a run: every evaluation, and the state to go on from, in one SQLite file.

Evaluations are committed an epoch at a time, together with the state after it, so that a process that is killed at
any moment leaves a state and exactly the evaluations that led to it. What a last, incomplete epoch added (a run that
met its budget) is kept for reading, and dropped when the run goes on: it is then done again, the same.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

from autoprox.base.errors import StoreMismatchError
from autoprox.base.storage import discard, explained, first_value, locked
from autoprox.bench.judging import finite_or_none
from autoprox.evolve.fitness import Evaluation, Status
from autoprox.evolve.front import FrontPoint
from autoprox.evolve.island import Trial

JOURNAL = "journal.sqlite"
"""Name of the file in the folder of a run."""

JOURNAL_FORMAT = 1

_SCHEMA = """
create table if not exists meta (name text primary key, value text not null) without rowid;
create table if not exists evaluations (
    id integer primary key, epoch integer not null, island integer not null, digest text not null unique,
    graph text not null, size integer not null, origin text not null, parents text not null, status text not null,
    sign integer not null, taus text not null, joint real, beyond real, fitness real
);
create table if not exists epochs (
    epoch integer primary key, evaluated integer not null, best real, seconds real not null
);
create table if not exists state (
    one integer primary key check (one = 1), epoch integer not null, document text not null
);
"""

_CACHE_KIB = 64 * 1024
# What SQLite keeps of the index of graphs: with its default of 2 MB, looking up new graphs reads the disk again and
# again once there are some hundred thousand.

_RECENT = 32_768
# Evaluations that are kept in memory, up to twice as many: most graphs that are drawn again were drawn not long ago.

_COLUMNS = "status, sign, taus, joint, beyond, fitness"

_IN_USE = "The run in '{}' is in progress in another process. Wait for it, or give another --out."


class Row(NamedTuple):
    """A trial to be recorded, with the island that made it."""

    island: int
    trial: Trial


class Progress(NamedTuple):
    """How far a run is after an epoch.

    Args:
        epoch: Its number.
        evaluated: Distinct valid candidates so far.
        best: Highest fitness so far; None before the first.
        seconds: Time of search so far.
    """

    epoch: int
    evaluated: int
    best: float | None
    seconds: float


class Journal:
    """The evaluations of one run. One process at a time may write; others may read meanwhile.

    Args:
        path: The file; made if it does not exist.
        definition: All that a run's result depends on, but for its end, as JSON-like data.
        anew: Whether what stands there is replaced, once nobody else is using it.

    Raises:
        StoreMismatchError: If the file is no journal, is damaged, belongs to another run or format, or is in use.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / JOURNAL, {"seed": 0}) as journal:
        ...     journal.resume() is None, journal.lookup("0123456789abcdef") is None
        (True, True)
    """

    def __init__(self, path: Path, definition: dict[str, Any], *, anew: bool = False) -> None:
        self.path = path
        with explained(path), ExitStack() as opened:
            opened.callback(locked(path, _IN_USE.format(path.parent)).close)
            if anew:
                discard(path)
            self._connection = sqlite3.connect(path)
            opened.callback(self._connection.close)
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            self._connection.execute(f"pragma cache_size = -{_CACHE_KIB}")
            self._connection.executescript(_SCHEMA)
            self._check(definition)
            # Nearly every graph that is drawn is new, and a query to learn that costs more than drawing it. A million
            # digests take 124 MB.
            self._recorded: set[str] = set()
            self._recent: dict[str, Evaluation] = {}
            self._older: dict[str, Evaluation] = {}
            self._opened = opened.pop_all()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        # Without the write-ahead log the file is whole by itself: it can be copied, and read in a folder that cannot be
        # written. Where another process is reading, the log stays.
        with suppress(sqlite3.OperationalError):
            self._connection.execute("pragma journal_mode = delete")
        self._opened.close()

    def lookup(self, digest: str) -> Evaluation | None:
        """What a graph was worth, if it was evaluated in a committed epoch; `resume` has to come first."""
        if digest not in self._recorded:
            return None
        recent = self._recent.get(digest) or self._older.get(digest)
        return _found(self._connection, digest) if recent is None else recent

    def resume(self) -> dict[str, Any] | None:
        """The state to go on from, or None at the beginning; evaluations that came after it are dropped."""
        with explained(self.path), self._connection:
            row = self._connection.execute("select epoch, document from state").fetchone()
            epoch, document = (-1, None) if row is None else row
            self._connection.execute("delete from evaluations where epoch > ?", (epoch,))
            self._connection.execute("delete from epochs where epoch > ?", (epoch,))
            self._recorded = {digest for (digest,) in self._connection.execute("select digest from evaluations")}
        return None if document is None else dict(json.loads(document))

    def points(self) -> Iterator[FrontPoint]:
        """The valid evaluations of which it is known what they are worth beyond size, in their order."""
        query = "select graph, sign, size, joint, beyond from evaluations where status = ? and beyond is not null"
        for row in self._connection.execute(f"{query} order by id", (Status.VALID.value,)):
            yield FrontPoint(*row)

    def seconds(self) -> float:
        """Time of search so far, of all processes that worked on the run."""
        row = self._connection.execute("select max(seconds) from epochs").fetchone()
        return float(row[0] or 0.0)

    def commit(self, progress: Progress, rows: Sequence[Row], state: dict[str, Any] | None) -> None:
        """Records an epoch: all of it, or nothing if the process dies.

        Args:
            progress: How far the run is.
            rows: What was evaluated in it.
            state: What to go on from; None if the epoch is incomplete.

        Raises:
            AutoproxError: If the file cannot be written.
        """
        values = [_values(progress.epoch, row) for row in rows]
        with explained(self.path), self._connection as connection:
            connection.executemany(f"insert into evaluations values (null{', ?' * 13})", values)  # noqa: S608
            connection.execute("insert or replace into epochs values (?, ?, ?, ?)", progress)
            if state is not None:
                text = json.dumps(state, allow_nan=False)
                connection.execute("insert or replace into state values (1, ?, ?)", (progress.epoch, text))
        for _, trial in rows:
            self._recorded.add(trial.digest)
            assert trial.evaluation is not None
            self._recent[trial.digest] = trial.evaluation
        if len(self._recent) > _RECENT:
            self._recent, self._older = {}, self._recent

    def remember(self, name: str, value: Any) -> None:
        """Keeps a JSON-like value under a name, for readers of the journal."""
        with explained(self.path), self._connection as connection:
            connection.execute("insert or replace into meta values (?, ?)", (name, json.dumps(value, allow_nan=False)))

    def _check(self, definition: dict[str, Any]) -> None:
        expected = {"format": JOURNAL_FORMAT, "definition": json.loads(json.dumps(definition))}
        found = dict(self._connection.execute("select name, value from meta where name in ('format', 'definition')"))
        if not found:
            # Both or neither: a journal that has but one of them could not be read.
            rows = [(name, json.dumps(value, allow_nan=False)) for name, value in expected.items()]
            with explained(self.path), self._connection as connection:
                connection.executemany("insert into meta values (?, ?)", rows)
            return
        try:
            version, stored = json.loads(found["format"]), dict(json.loads(found["definition"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreMismatchError(
                f"'{self.path}' is damaged: it does not say what was run. Give another --out, or --force to begin anew."
            ) from error
        if version != JOURNAL_FORMAT:
            raise StoreMismatchError(
                f"'{self.path}' has format {found.get('format')}, this autoprox writes {JOURNAL_FORMAT};"
                " go on with the version that made it, or give --force to begin anew."
            )
        # What a user gave is short and says more than a digest of what followed from it.
        for name in sorted({*stored, *expected["definition"]}, key=lambda name: (len(str(stored.get(name))), name)):
            before, now = stored.get(name), expected["definition"].get(name)
            if before != now:
                raise StoreMismatchError(
                    f"The run in '{self.path.parent}' was begun with another {name.replace('_', ' ')}:"
                    f" {json.dumps(before)}, now {json.dumps(now)}. Give the options that it was begun with,"
                    " or another --out, or --force to begin anew."
                )


class Reader:
    """Looks evaluations up from another process.

    Args:
        path: The file of a journal that its owner holds open.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)

    def lookup(self, digest: str) -> Evaluation | None:
        """What a graph was worth, if it was evaluated in a committed epoch."""
        return _found(self._connection, digest)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


def has_begun(path: Path) -> bool:
    """Whether there is a journal with at least one finished epoch.

    Raises:
        StoreMismatchError: If the file cannot be read as a journal.
    """
    return first_value(path, "epochs", "select 1 from epochs") is not None


def _found(connection: sqlite3.Connection, digest: str) -> Evaluation | None:
    row = connection.execute(f"select {_COLUMNS} from evaluations where digest = ?", (digest,)).fetchone()  # noqa: S608
    if row is None:
        return None
    status, sign, taus, *numbers = row
    return Evaluation.from_document((status, sign, json.loads(taus), *numbers))


def _values(epoch: int, row: Row) -> tuple[Any, ...]:
    trial, evaluation = row.trial, row.trial.evaluation
    assert evaluation is not None
    return (
        epoch,
        row.island,
        trial.digest,
        trial.text,
        trial.size,
        trial.origin.value,
        " ".join(trial.parents),
        trial.outcome,
        evaluation.sign,
        json.dumps(evaluation.taus),
        finite_or_none(evaluation.joint),
        finite_or_none(evaluation.beyond),
        finite_or_none(evaluation.value),
    )

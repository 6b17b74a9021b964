"""The journal of a run: every evaluation, and the state to resume from, in one SQLite file.

Evaluations are committed per epoch, together with the state after it. So a process that is killed at any moment leaves
a state and exactly the evaluations that led to it. Evaluations of a last, incomplete epoch (of a run that met its
budget) are kept for reading. They are dropped when the run is resumed, and then repeated identically.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from autoprox.base.store import FACTS, Store, StoreFormat, first_value
from autoprox.bench.verdict import finite_or_none
from autoprox.evolve._front import FrontPoint
from autoprox.evolve.fitness import Evaluation, Status
from autoprox.evolve.island import Trial

JOURNAL = "journal.sqlite"
"""Name of the file in the folder of a run."""

FORMAT = StoreFormat(
    "journal",
    f"""
{FACTS};
create table evaluations (
    id integer primary key, epoch integer not null, island integer not null, digest text not null unique,
    graph text not null, size integer not null, origin text not null, parents text not null, status text not null,
    sign integer not null, taus text not null, joint real, beyond real, fitness real
);
create table epochs (
    epoch integer primary key, evaluated integer not null, best real, seconds real not null
);
create table state (
    one integer primary key check (one = 1), epoch integer not null, document text not null
)
""",
    "Restore it, or delete it and run again.",
)

_CACHE_KIB = 64 * 1024
# SQLite's cache of the index of graphs: with its default of 2 MB, looking up new graphs reads the disk repeatedly once
# there are a few hundred thousand.

_RECENT = 32_768
# Evaluations in memory, up to twice as many: most graphs that are drawn again were drawn recently.


class RecordedTrial(NamedTuple):
    """A trial to be recorded, with the island that made it."""

    island: int
    trial: Trial


class Epoch(NamedTuple):
    """Progress of a run after an epoch.

    Args:
        number: Number of the epoch.
        evaluated: Distinct valid candidates so far.
        best: Highest fitness so far; None before the first.
        seconds: Time of search so far.
    """

    number: int
    evaluated: int
    best: float | None
    seconds: float


class EvolutionJournal:
    """The evaluations of one run. One process at a time may write; others may read.

    Args:
        path: The file; made if it does not exist.
        definition: Everything that determines a run's result, except its stopping rule, as JSON-compatible data.

    Raises:
        StoreMismatchError: If the file is not a journal, is damaged, belongs to another run or format, or is in use.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as name, EvolutionJournal(Path(name) / JOURNAL, {"seed": 0}) as journal:
        ...     journal.resume() is None, journal.lookup("0123456789abcdef") is None
        (True, True)
    """

    def __init__(self, path: Path, definition: dict[str, Any]) -> None:
        self.path = path
        in_use = f"The run in '{path.parent}' is in use by another process. Wait for it, or choose another folder."
        self._store = Store(path, FORMAT, in_use=in_use)
        try:
            text = json.dumps(definition, allow_nan=False)
            with self._store.decoding():
                stored = dict(json.loads(self._store.bind({"definition": text})["definition"]))
            self._store.require_same(stored, json.loads(text))
            self._store.connection.execute(f"pragma cache_size = -{_CACHE_KIB}")
            self._known: set[str] = set()  # one million digests take 124 MB
            self._recent: dict[str, Evaluation] = {}
            self._older: dict[str, Evaluation] = {}
        except BaseException:
            self._store.close()
            raise

    def __enter__(self) -> "EvolutionJournal":
        return self

    def __exit__(self, *_: object) -> None:
        self._store.finish()

    def lookup(self, digest: str) -> Evaluation | None:
        """Evaluation of a graph in a committed epoch; None without one. Call `resume` first."""
        # Nearly every graph is new, and a query to find that out costs more than drawing the graph.
        if digest not in self._known:
            return None
        recent = self._recent.get(digest) or self._older.get(digest)
        return _found(self._store, digest) if recent is None else recent

    def resume(self) -> dict[str, Any] | None:
        """The state to resume from, or None at the beginning; later evaluations are dropped."""
        with self._store.decoding(), self._store.transaction() as connection:
            row = connection.execute("select epoch, document from state").fetchone()
            epoch, document = (-1, None) if row is None else row
            connection.execute("delete from evaluations where epoch > ?", (epoch,))
            connection.execute("delete from epochs where epoch > ?", (epoch,))
            self._known = {digest for (digest,) in connection.execute("select digest from evaluations")}
            return None if document is None else dict(json.loads(document))

    def points(self) -> Iterator[FrontPoint]:
        """The valid evaluations with a known correlation beyond size, in order."""
        query = "select graph, sign, size, joint, beyond from evaluations where status = ? and beyond is not null"
        with self._store.guarded():
            for row in self._store.connection.execute(f"{query} order by id", (Status.VALID.value,)):
                yield FrontPoint(*row)

    def seconds(self) -> float:
        """Search time so far, of all processes that worked on the run."""
        with self._store.decoding():
            ((seconds,),) = self._store.rows("select max(seconds) from epochs")
            return float(seconds or 0.0)

    def commit(self, epoch: Epoch, rows: Sequence[RecordedTrial], state: dict[str, Any] | None) -> None:
        """Records an epoch atomically.

        Args:
            epoch: Progress of the run.
            rows: Evaluations of the epoch.
            state: State to resume from; None if the epoch is incomplete.

        Raises:
            AutoproxError: If the file cannot be written.
        """
        values = [_values(epoch.number, row) for row in rows]
        with self._store.transaction() as connection:
            connection.executemany(f"insert into evaluations values (null{', ?' * 13})", values)  # noqa: S608
            connection.execute("insert or replace into epochs values (?, ?, ?, ?)", epoch)
            if state is not None:
                text = json.dumps(state, allow_nan=False)
                connection.execute("insert or replace into state values (1, ?, ?)", (epoch.number, text))
        self._known.update(trial.digest for _, trial in rows)
        self._recent.update((trial.digest, trial.evaluation) for _, trial in rows if trial.evaluation is not None)
        if len(self._recent) > _RECENT:
            self._recent, self._older = {}, self._recent

    def remember(self, name: str, value: Any) -> None:
        """Stores a JSON-compatible value under a name, for readers of the journal."""
        self._store.remember({name: json.dumps(value, allow_nan=False)})


class JournalReader:
    """Looks up evaluations from another process.

    Args:
        path: The file of a journal that is open in another process.
    """

    def __init__(self, path: Path) -> None:
        self._store = Store.reading(path, FORMAT)

    def lookup(self, digest: str) -> Evaluation | None:
        """Evaluation of a graph in a committed epoch; None without one."""
        return _found(self._store, digest)

    def close(self) -> None:
        """Closes the file."""
        self._store.close()


def has_begun(path: Path) -> bool:
    """True if there is a journal with at least one finished epoch.

    Raises:
        StoreMismatchError: If the file cannot be read as a journal.
    """
    return first_value(path, FORMAT, "select 1 from epochs limit 1") is not None


def _found(store: Store, digest: str) -> Evaluation | None:
    query = "select status, sign, taus, joint, beyond, fitness from evaluations where digest = ?"
    with store.decoding():
        for status, sign, taus, *numbers in store.rows(query, (digest,)):
            return Evaluation.from_document((status, sign, json.loads(taus), *numbers))
    return None


def _values(epoch: int, row: RecordedTrial) -> tuple[Any, ...]:
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

"""The journal of a build: every finished training, committed at once, so that only those in flight can be lost."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from autoprox.base.digest import digest
from autoprox.base.errors import AutoproxError, StoreMismatchError
from autoprox.base.storage import locked
from autoprox.training.recipe import Recipe
from autoprox.training.train import Outcome, Training

JOURNAL_FORMAT = 1

_SCHEMA = """
create table if not exists meta (name text primary key, value text not null) without rowid;
create table if not exists trainings (
    key text primary key, space text not null, arch_id text not null, dataset text not null, label_kind text not null,
    train_seed integer not null, top1_pct real, nll real, failure text not null, seconds real not null,
    checksum text not null
) without rowid;
"""


class Journal:
    """The finished trainings of one recipe. One process at a time may write to a journal.

    Args:
        path: The file; made if it does not exist.
        recipe: The recipe that all its trainings follow.

    Raises:
        StoreMismatchError: If the file is no journal, is damaged, or belongs to another recipe or format, or if another
            build is using it.
        AutoproxError: If the file cannot be read or written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "t.sqlite", Recipe()) as journal:
        ...     journal.outcome("key of a training") is None
        True
    """

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self.path = path
        with ExitStack() as opened, self._explained():
            self._lock = locked(
                path, f"The journal {path} is in use by another build. Wait for it, or choose another --out."
            )
            opened.callback(self._lock.close)
            self._connection = sqlite3.connect(path, isolation_level=None)
            opened.callback(self._connection.close)
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = full")
            self._connection.executescript(_SCHEMA)
            self._check(recipe)
            opened.pop_all()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._lock.close()

    def outcome(self, key: str) -> Outcome | None:
        """What a training gave, or None if it is not in the journal.

        Raises:
            StoreMismatchError: If the row was changed or damaged.
        """
        query = "select top1_pct, nll, failure, seconds, checksum from trainings where key = ?"
        with self._explained():
            row = self._connection.execute(query, (key,)).fetchone()
        if row is None:
            return None
        top1_pct, nll, failure, seconds, checksum = row
        if checksum != _checksum(key, top1_pct, nll, failure):
            raise StoreMismatchError(
                f"The journal {self.path} is damaged: the training {key} does not match its checksum. "
                "Delete this row, or the file, and build again."
            )
        values = {} if failure else {"top1_pct": top1_pct, "nll": nll}
        return Outcome(values, failure, seconds)

    def record(self, key: str, training: Training, outcome: Outcome) -> None:
        """Commits what a training gave, unless it is in the journal already.

        Raises:
            AutoproxError: If the file cannot be written.
        """
        top1_pct, nll = outcome.values.get("top1_pct"), outcome.values.get("nll")
        row = (
            key,
            training.arch.space,
            training.arch.arch_id,
            training.dataset,
            training.label_kind.value,
            training.train_seed,
            top1_pct,
            nll,
            outcome.failure,
            outcome.seconds,
            _checksum(key, top1_pct, nll, outcome.failure),
        )
        with self._explained():
            self._connection.execute(f"insert or ignore into trainings values ({','.join('?' * len(row))})", row)  # noqa: S608

    def _check(self, recipe: Recipe) -> None:
        expected = {"format": str(JOURNAL_FORMAT), "recipe": recipe.digest}
        for name, value in expected.items():
            self._connection.execute("insert or ignore into meta values (?, ?)", (name, value))
            (found,) = self._connection.execute("select value from meta where name = ?", (name,)).fetchone()
            if found != value:
                raise StoreMismatchError(
                    f"The journal {self.path} was made with another {name} ({found}, now {value}). "
                    "Use the options that it was made with, or choose another --out."
                )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if isinstance(error, sqlite3.OperationalError):
                cause = "there is no space left" if "full" in str(error) else str(error)
                raise AutoproxError(
                    f"The journal {self.path} cannot be read or written: {cause}. Every training that was finished is "
                    "kept: mend the cause, or free some space, and build again."
                ) from error
            raise StoreMismatchError(
                f"The journal {self.path} is damaged, or no journal: {error}. Restore it; or delete it and build "
                "again, with --extend TABLE to keep the labels of an earlier table."
            ) from error


def training_key(definition: str, arch_id: str, train_seed: int) -> str:
    """Identity of a training: how the label is made, of which architecture, and which repetition.

    Example:
        >>> training_key("a", "b", 0) == training_key("a", "b", 1)
        False
    """
    return digest([definition, arch_id, train_seed])


def _checksum(key: str, top1_pct: float | None, nll: float | None, failure: str) -> str:
    return digest([key, top1_pct, nll, failure])

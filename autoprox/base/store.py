"""SQLite files with a declared format: opening, locking, checking, reading and writing.

A file is consistent after a crash at any time, because every write is one transaction. A damaged file, a file of
another program, or one with another format gives one error that names the file and the remedy.
"""

import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from autoprox.base.errors import AutoproxError, StoreMismatchError

FACTS = "create table meta (name text primary key, value text not null) without rowid"
"""The table that `bind` and `remember` need."""

_PAUSE_S = 0.01
# Pause between attempts where SQLite does not wait.

_UNUSABLE = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_AUTH")
# The file may be intact, but cannot be accessed or written. Other errors mean that its content is wrong.

_CONTENT = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
# Errors of decoding a value of the wrong type or size: SQLite stores any type in any column.


@dataclass(frozen=True)
class StoreFormat:
    """Format of a kind of file.

    Args:
        noun: Noun for such a file in messages.
        schema: The statements that create its tables, separated by semicolons.
        remedy: Advice for a file that cannot be used, as sentences; `{path}` is replaced by the path.
        version: Version of the format. A file without a number has version 1.
        application: SQLite's `application_id`, which distinguishes files with tables of the same names.
        log: Keeps a write-ahead log, so that other processes can read while one writes.
        synchronous: SQLite's setting of this name. With `normal`, a loss of power may undo the last transactions.
    """

    noun: str
    schema: str
    remedy: str
    version: int = 1
    application: int = 0
    log: bool = True
    synchronous: str = "normal"

    @property
    def tables(self) -> set[str]:
        """The names of its tables."""
        return set(re.findall(r"create table (\w+)", self.schema, re.IGNORECASE))


class Store:
    """An open SQLite file of a known format, created if it does not exist.

    Args:
        path: The file. None keeps everything in memory.
        form: Format of the file.
        in_use: Error message if another process writes to it. None lets several processes write.
        wait_s: Longest wait for the transaction of another process, in seconds.

    Raises:
        StoreMismatchError: If the file is damaged, of another program or format, or in use.
        AutoproxError: If it cannot be read or written.

    Example:
        >>> form = StoreFormat("list", "create table items (name text not null)", "Delete {path}.")
        >>> with Store(None, form) as store:
        ...     store.write("insert into items values (?)", [("one",), ("two",)])
        ...     store.rows("select name from items")
        [('one',), ('two',)]
    """

    def __init__(self, path: Path | None, form: StoreFormat, *, in_use: str | None = None, wait_s: float = 5.0) -> None:
        self.path, self.form = path, form
        self._wait_s = wait_s
        self._lock: sqlite3.Connection | None = None
        if path is not None and path.exists() and not path.is_file():
            raise StoreMismatchError(
                f"'{path}' is not a regular file, so it cannot be a {form.noun}. Choose another path.", path
            )
        if path is not None and in_use is not None:
            self._lock = locked(path, in_use)
        try:
            with self.guarded():
                target = ":memory:" if path is None else path.absolute().as_uri()
                self.connection = sqlite3.connect(
                    target, uri=True, timeout=wait_s, isolation_level=None, check_same_thread=False
                )
            self._checked(make=True)
        except BaseException:
            self._unlock()
            raise

    @classmethod
    def reading(cls, path: Path, form: StoreFormat, *, frozen: bool = False) -> Self:
        """Opens a file for reading only; another process may write to it meanwhile.

        Args:
            path: The file.
            form: Format of the file.
            frozen: Promises that no process writes to the file; its folder need not be writable then.

        Raises:
            StoreMismatchError: If the file is missing, damaged, or of another program or format.
            AutoproxError: If it cannot be read.
        """
        store = cls.__new__(cls)
        store.path, store.form, store._lock, store._wait_s = path, form, None, 5.0
        if not path.is_file():
            raise StoreMismatchError(f"There is no {form.noun} '{path}'.", path)
        with store.guarded():
            target = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if frozen else ''}"
            store.connection = sqlite3.connect(target, uri=True, isolation_level=None, check_same_thread=False)
        store._checked(make=False)
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file and releases its lock."""
        self.connection.close()
        self._unlock()

    def finish(self) -> None:
        """Closes the file so that it can be copied, and read in a folder that is not writable.

        If another process is reading the file, its log remains.
        """
        with suppress(sqlite3.OperationalError):
            self.connection.execute("pragma journal_mode = delete")
        self.close()

    @property
    def is_empty(self) -> bool:
        """True if the file has no tables: the process that created it was killed before its first transaction ended."""
        return not self._objects()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Runs one transaction. The write lock is taken at once, so that values read inside stay valid until the end.

        Raises:
            StoreMismatchError: If the file is damaged.
            AutoproxError: If it cannot be written.
        """
        with self.guarded():
            self.connection.execute("begin immediate")
            with self.connection:
                yield self.connection

    def write(self, statement: str, rows: Sequence[Sequence[Any]] = ((),)) -> None:
        """Executes a statement for each row in one transaction; raises the errors of `transaction`."""
        with self.transaction() as connection:
            connection.executemany(statement, rows)

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Returns the rows of a query.

        Raises:
            StoreMismatchError: If the file is damaged.
            AutoproxError: If it cannot be read.
        """
        with self.guarded():
            return self.connection.execute(query, parameters).fetchall()

    def remember(self, facts: Mapping[str, str]) -> None:
        """Stores texts under names; raises the errors of `transaction`."""
        self.write("insert or replace into meta values (?, ?)", list(facts.items()))

    def remembered(self) -> dict[str, str]:
        """The stored texts by name; raises the errors of `rows`."""
        return dict(self.rows("select name, value from meta"))

    def bind(self, facts: Mapping[str, str]) -> dict[str, str]:
        """Records the owner of a new file. A file that has an owner is unchanged.

        Args:
            facts: Texts by name that identify the owner.

        Returns:
            The owner of the file, under the same names.

        Raises:
            StoreMismatchError: If the file is damaged, or lacks one of the names.
            AutoproxError: If it cannot be written.
        """
        with self.transaction() as connection:
            stored = dict(connection.execute("select name, value from meta"))
            if not stored:
                connection.executemany("insert into meta values (?, ?)", list(facts.items()))
                stored = dict(facts)
        if missing := [name for name in facts if name not in stored]:
            raise self.damaged(f"it lacks the {missing[0]} that it was made with")
        return {name: stored[name] for name in facts}

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turns SQLite's errors into errors that name the file and the remedy.

        Raises:
            StoreMismatchError: If the file is damaged or not a database.
            AutoproxError: If it cannot be accessed, read or written.
        """
        try:
            yield
        except sqlite3.Error as error:
            raise self._failure(error) from error

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Does the same as `guarded` for code that decodes values of the file, which may have any type and size.

        Raises:
            StoreMismatchError: If a value violates the format.
            AutoproxError: If the file cannot be read.
        """
        try:
            with self.guarded():
                yield
        except AutoproxError:
            raise
        except _CONTENT as error:
            raise self.damaged(str(error) or type(error).__name__) from error

    def damaged(self, cause: str) -> StoreMismatchError:
        """Returns the error for a file with wrong content; one line, even if the cause quotes that content."""
        return self._mismatch(f"is damaged: {' '.join(cause.split())}")

    def require_same(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        """Refuses a file that belongs to something else.

        Args:
            before: The stored owner.
            now: The expected owner.

        Raises:
            StoreMismatchError: If they differ. The message names the shortest difference: the one that a user chose and
                that the others follow from.
        """
        for name in sorted({*before, *now}, key=lambda name: (len(str(before.get(name))), name)):
            if (old := before.get(name)) != (new := now.get(name)):
                raise StoreMismatchError(
                    f"The {self.form.noun} '{self.path}' was made with another {name.replace('_', ' ')}: {old}, now "
                    f"{new}. Use the former, or another file.",
                    self.path,
                )

    def _checked(self, *, make: bool) -> None:
        """Checks the format of the file; an empty file is initialised."""
        try:
            with self.decoding():  # names of tables may not be UTF-8
                self.connection.execute("pragma trusted_schema = off")
                if make:
                    self._make()
                if not self.is_empty:
                    self._check()
                if make:
                    self.connection.execute(f"pragma synchronous = {self.form.synchronous}")
        except BaseException:
            self.connection.close()
            raise

    def _make(self) -> None:
        if not self.is_empty:
            return
        if self.form.log:
            self._write_ahead()
        with self.transaction() as connection:
            if self.is_empty:  # checked again under the lock: another process may have been first
                for statement in self.form.schema.split(";"):
                    connection.execute(statement)
                connection.execute(f"pragma application_id = {self.form.application}")
                connection.execute(f"pragma user_version = {self.form.version}")

    def _write_ahead(self) -> None:
        """Switches to a write-ahead log. Retries: SQLite does not wait here if two processes create one file."""
        deadline = time.monotonic() + self._wait_s
        while True:
            try:
                self.connection.execute("pragma journal_mode = wal")
            except sqlite3.OperationalError as error:
                if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE_S)
            else:
                return

    def _check(self) -> None:
        (application,) = self.connection.execute("pragma application_id").fetchone()
        found = self._objects()
        if application != self.form.application or found != {("table", name) for name in self.form.tables}:
            raise StoreMismatchError(
                f"'{self.path}' is an SQLite file, but not a {self.form.noun}. It is unchanged; choose another path.",
                self.path,
            )
        (version,) = self.connection.execute("pragma user_version").fetchone()
        if (version or 1) != self.form.version:
            raise self._mismatch(f"has format version {version}, and this autoprox reads version {self.form.version}")

    def _objects(self) -> set[tuple[str, str]]:
        """Types and names of all objects in the file. Views and triggers, which no format has, could run for ever."""
        query = "select type, name from sqlite_master where type <> 'index' and name not like 'sqlite~_%' escape '~'"
        return set(self.connection.execute(query))

    def _failure(self, error: sqlite3.Error) -> AutoproxError:
        name = str(getattr(error, "sqlite_errorname", ""))
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return AutoproxError(
                f"The {self.form.noun} '{self.path}' has been locked by another process for {self._wait_s:g} s. End "
                "that process, or wait for it."
            )
        if name.startswith(_UNUSABLE):
            cause = "there is no space left" if name == "SQLITE_FULL" else error
            return AutoproxError(
                f"The {self.form.noun} '{self.path}' cannot be used: {cause}. Check the free space and the "
                "permissions of its folder, and repeat the command. Recorded results are saved."
            )
        return self.damaged(str(error))

    def _mismatch(self, what: str) -> StoreMismatchError:
        remedy = self.form.remedy.format(path=f"'{self.path}'")
        return StoreMismatchError(f"The {self.form.noun} '{self.path}' {what}. {remedy}", self.path)

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()


def locked(path: Path, in_use: str) -> sqlite3.Connection:
    """Takes the lock of a file; closing the returned connection releases it.

    The lock is a separate database beside the file, so that others can read the file while it is written. It is
    released when the process ends, however it ends.

    Args:
        path: The file.
        in_use: Error message if another process has the lock.

    Raises:
        StoreMismatchError: If another process has the lock.
        AutoproxError: If the lock cannot be created.

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
    beside = path.with_name(path.name + ".lock")
    if beside.exists() and not beside.is_file():
        raise AutoproxError(f"The lock '{beside}' cannot be taken: it is not a regular file. Choose another folder.")
    lock = None
    try:
        lock = sqlite3.connect(beside, isolation_level=None, timeout=0)
        lock.execute("begin exclusive")
    except sqlite3.Error as error:
        if lock is not None:
            lock.close()
        if str(getattr(error, "sqlite_errorname", "")).startswith("SQLITE_BUSY"):
            raise StoreMismatchError(in_use) from error
        raise AutoproxError(f"The lock '{beside}' cannot be taken: {error}. Choose another folder.") from error
    return lock


def discard(path: Path) -> None:
    """Removes a store and SQLite's files beside it, but not the lock."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def first_value(path: Path, form: StoreFormat, query: str) -> Any:
    """Returns the first value of the first row of a query; None if there is no row or no file.

    Raises:
        StoreMismatchError: If the file is damaged, or of another program or format.
        AutoproxError: If it cannot be read.
    """
    if not path.exists() or not path.stat().st_size:
        return None
    with closing(Store.reading(path, form)) as store:
        found = [] if store.is_empty else store.rows(query)
    return found[0][0] if found else None

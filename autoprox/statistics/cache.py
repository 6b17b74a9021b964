"""Results on disk: arrays under opaque digests, network by network, in one SQLite file.

The cache knows no graph. What it holds for a network is named by digests that the caller makes from everything that a
value depends on, so a value never goes stale: it is just not asked for any more. SQLite's write-ahead log makes a put
atomic, and lets processes read while one writes; a process that is killed at any moment loses its unfinished put alone.
"""

import json
import os
import sqlite3
import threading
import weakref
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs

from autoprox.base.digest import bytes_digest, canonical_json
from autoprox.base.errors import AutoproxError, StoreMismatchError
from autoprox.inspect.nodes import Role, Site

Floats = npt.NDArray[np.float64]
Layout = dict[Site, tuple[Role, ...]]
"""For every site of a network, the roles of its nodes in forward order."""

FORMAT_VERSION = 1
"""Raised when the file's format changes; a file of another version is refused."""

_APPLICATION = 0x61707278
# "aprx" in the file's header, by which a cache is told from any other SQLite file.

_WAIT_S = 60.0
# A put holds the lock for milliseconds, so that a longer wait means a process that was stopped within one.

_LEVEL = 1
# Mantissas hardly compress: zlib's higher levels cost several times as much and save less than 1 % more.

_DAMAGED = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CORRUPT_INDEX", "SQLITE_CORRUPT_VTAB"})

_SCHEMA = f"""
CREATE TABLE networks (network TEXT PRIMARY KEY, layout TEXT NOT NULL, checksum TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE bundles (bundle INTEGER PRIMARY KEY, expressions TEXT NOT NULL UNIQUE);
CREATE TABLE results (
    result INTEGER PRIMARY KEY, network TEXT NOT NULL, bundle INTEGER NOT NULL,
    checksum TEXT NOT NULL, payload BLOB NOT NULL, UNIQUE (network, bundle)
);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {FORMAT_VERSION};
"""


_LACKING = """
SELECT 1 FROM other.results AS theirs JOIN other.bundles AS named USING (bundle) WHERE NOT EXISTS (
    SELECT 1 FROM main.results AS ours JOIN main.bundles AS own USING (bundle)
    WHERE ours.network = theirs.network AND own.expressions = named.expressions
) LIMIT 1
"""

_DIFFERING = """
SELECT theirs.network FROM other.networks AS theirs JOIN main.networks AS ours USING (network)
WHERE theirs.layout <> ours.layout LIMIT 1
"""

_ADOPT = """
INSERT OR IGNORE INTO main.networks SELECT network, layout, checksum FROM other.networks;
INSERT OR IGNORE INTO main.bundles (expressions) SELECT expressions FROM other.bundles ORDER BY bundle;
INSERT OR IGNORE INTO main.results (network, bundle, checksum, payload)
    SELECT theirs.network, own.bundle, theirs.checksum, theirs.payload FROM other.results AS theirs
    JOIN other.bundles AS named USING (bundle) JOIN main.bundles AS own ON own.expressions = named.expressions
    ORDER BY theirs.result
"""


class StatisticsCache:
    """Arrays of float64 under (network, expression), kept on disk.

    It may be used by several threads and processes at once, and sent to another process, where it opens the file anew.

    Args:
        path: The file; made with its folders when something is first asked for or put. By default `statistics.sqlite`
            in the user's cache folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cache = StatisticsCache(Path(folder) / "statistics.sqlite")
        ...     cache.put("network", {"expression": np.array([1.0, 2.0])}, {Site.LINEAR: (Role.EMBED, Role.HEAD)})
        ...     cache.get("network", ["expression", "another"])
        {'expression': array([1., 2.])}
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = Path(path) if path is not None else default_path()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._owner = os.getpid()
        self._inherited: list[sqlite3.Connection | None] = []

    def __reduce__(self) -> tuple[type["StatisticsCache"], tuple[Path]]:
        return StatisticsCache, (self.path,)

    def close(self) -> None:
        """Closes the file; what is asked for next opens it again."""
        with self._lock:
            if self._connection is not None and self._owner == os.getpid():
                self._connection.close()
                self._connection = None

    def finish(self) -> None:
        """Closes the file as one that is handed on: compact, and with no log beside it."""
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("VACUUM")
        self.close()

    def get(self, network: str, expressions: Iterable[str]) -> dict[str, Floats]:
        """What is stored of the expressions for one network; see `get_many`."""
        return self.get_many([network], expressions)[network]

    def get_many(self, networks: Sequence[str], expressions: Iterable[str]) -> dict[str, dict[str, Floats]]:
        """What is stored of the expressions for each network.

        Args:
            networks: Keys of networks.
            expressions: Digests of expressions.

        Returns:
            Under every network a dictionary, without the expressions that are not stored; the arrays, `(n_nodes,)`, are
            read-only.

        Raises:
            StoreMismatchError: If the file is no cache of this version, is damaged, or a row of it was changed.
            AutoproxError: If the file cannot be read.
        """
        found: dict[str, dict[str, Floats]] = {network: {} for network in networks}
        wanted = dict.fromkeys(expressions)
        with self._connected() as connection:
            names = self._bundles(connection, list(found))
            places = {
                bundle: [(name, index) for index, name in enumerate(held) if name in wanted]
                for bundle, held in names.items()
            }
            useful = [bundle for bundle, picks in places.items() if picks]
            for network, bundle, checksum, payload in self._results(connection, list(found), useful):
                held = names[bundle]
                lengths, values = self._decoded(network, held, checksum, payload)
                ends = np.cumsum(lengths).tolist()
                row = found[network]
                for name, index in places[bundle]:
                    # The first of two results stands, so that what was read once is what is read ever after.
                    row.setdefault(name, values[ends[index] - lengths[index] : ends[index]])
        return found

    def put(self, network: str, values: Mapping[str, Floats], layout: Mapping[Site, Sequence[Role]]) -> None:
        """Stores results of one network: all of them, or none if the process dies. What is there already stays.

        Args:
            network: Key of the network.
            values: Under digests of expressions, float64 `(n_nodes,)`; NaN and infinities are kept.
            layout: The roles of the network's nodes, site by site.

        Raises:
            ValueError: If an array is not float64 with one dimension.
            StoreMismatchError: If the network is stored with another layout, or as for `get_many`.
            AutoproxError: If the file cannot be written.
        """
        for name, array in values.items():
            if array.dtype != np.float64 or array.ndim != 1:
                got = f"{array.dtype} of shape {array.shape}"
                raise ValueError(f"Expected float64 of shape (n_nodes,) for '{name}', but got {got}.")
        roles = canonical_json({site: list(held) for site, held in layout.items()})
        expressions = " ".join(values)
        payload = _encoded(list(values.values()))
        with self._connected() as connection, _transaction(connection):
            stored = connection.execute("SELECT layout FROM networks WHERE network = ?", (network,)).fetchone()
            if stored is not None and stored[0] != roles:
                raise StoreMismatchError(
                    f"The statistics cache {self.path} holds network {network} with other nodes than those given now: "
                    f"the model's code has changed under one key. {self._remedy()}"
                )
            if stored is None:
                row = (network, roles, _checksum(network, roles))
                connection.execute("INSERT INTO networks VALUES (?, ?, ?)", row)
            connection.execute("INSERT OR IGNORE INTO bundles (expressions) VALUES (?)", (expressions,))
            connection.execute(
                "INSERT OR IGNORE INTO results (network, bundle, checksum, payload)"
                " SELECT ?, bundle, ?, ? FROM bundles WHERE expressions = ?",
                (network, _checksum(network, expressions, payload), payload, expressions),
            )

    def adopt(self, path: Path) -> None:
        """Takes over what another cache file holds and this one does not, in one transaction.

        It is how results that come with a table reach the cache. The other file is only read, also where its folder
        cannot be written. What is taken over is checked when it is read, like everything else.

        Args:
            path: The other file.

        Raises:
            StoreMismatchError: If it is no cache of this version or damaged, or a network has other nodes there.
            AutoproxError: If one of the files cannot be used.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     other, own = (StatisticsCache(Path(folder) / name) for name in ("other.sqlite", "own.sqlite"))
            ...     other.put("network", {"expression": np.array([1.0])}, {Site.LINEAR: (Role.HEAD,)})
            ...     other.close()
            ...     own.adopt(other.path)
            ...     own.get("network", ["expression"])
            {'expression': array([1.])}
        """
        with self._connected() as connection:
            with _said_of(path):
                connection.execute("ATTACH ? AS other", (f"{path.absolute().as_uri()}?mode=ro&immutable=1",))
            try:
                with _said_of(path):
                    self._check_other(connection, path)
                if connection.execute(_LACKING).fetchone() is not None:
                    with _transaction(connection):
                        for statement in _ADOPT.split(";"):
                            connection.execute(statement)
            finally:
                connection.execute("DETACH other")

    def _check_other(self, connection: sqlite3.Connection, path: Path) -> None:
        """Checks that the attached file can be taken over."""
        application = connection.execute("PRAGMA other.application_id").fetchone()[0]
        version = connection.execute("PRAGMA other.user_version").fetchone()[0]
        if (application, version) != (_APPLICATION, FORMAT_VERSION):
            raise StoreMismatchError(
                f"{path} is no statistics cache of format version {FORMAT_VERSION}. Make it anew with this autoprox."
            )
        differing = connection.execute(_DIFFERING).fetchone()
        if differing is not None:
            raise StoreMismatchError(
                f"{path} holds network {differing[0]} with other nodes than the statistics cache {self.path}: the "
                f"model's code has changed under one key. {self._remedy()}"
            )

    def layouts(self, networks: Sequence[str]) -> dict[str, Layout]:
        """The roles of the nodes of those of the networks that are stored.

        Raises:
            StoreMismatchError: As for `get_many`.
            AutoproxError: If the file cannot be read.
        """
        found: dict[str, Layout] = {}
        parsed: dict[str, Layout] = {}
        # Keys go as one JSON array, here and below: the number of parameters of a statement is limited.
        with self._connected() as connection:
            query = "SELECT network, layout, checksum FROM networks WHERE network IN (SELECT value FROM json_each(?))"
            for network, roles, checksum in connection.execute(query, (json.dumps(networks),)):
                if checksum != _checksum(network, roles):
                    raise self._changed(network)
                if roles not in parsed:  # networks of one depth share theirs
                    sites = json.loads(roles).items()
                    parsed[roles] = {Site(site): tuple(Role(role) for role in held) for site, held in sites}
                found[network] = dict(parsed[roles])
        return found

    @staticmethod
    def _bundles(connection: sqlite3.Connection, networks: list[str]) -> dict[int, list[str]]:
        """The lists of expressions that results of these networks are of; one list serves many networks."""
        query = (
            "SELECT bundle, expressions FROM bundles"
            " WHERE bundle IN (SELECT bundle FROM results WHERE network IN (SELECT value FROM json_each(?)))"
        )
        return {bundle: text.split(" ") for bundle, text in connection.execute(query, (json.dumps(networks),))}

    @staticmethod
    def _results(
        connection: sqlite3.Connection, networks: list[str], bundles: list[int]
    ) -> Iterator[tuple[str, int, str, bytes]]:
        """The rows of these networks and bundles, the oldest of a network first."""
        query = (
            "SELECT network, bundle, checksum, payload FROM results"
            " WHERE network IN (SELECT value FROM json_each(?)) AND bundle IN (SELECT value FROM json_each(?))"
            " ORDER BY result"
        )
        yield from connection.execute(query, (json.dumps(networks), json.dumps(bundles)))

    def _decoded(self, network: str, held: list[str], checksum: str, payload: bytes) -> tuple[list[int], Floats]:
        """Lengths of the arrays of a row, and all of them one behind the other."""
        if checksum != _checksum(network, " ".join(held), payload):
            raise self._changed(network)
        raw = zlib.decompress(payload)
        lengths = np.frombuffer(raw, "<i8", len(held)).tolist()
        values = np.frombuffer(raw, np.uint8, offset=8 * len(held)).reshape(8, -1).T.copy().view("<f8").ravel()
        values.flags.writeable = False
        return lengths, values

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """The connection of this process, for one thread at a time.

        It is kept open from call to call: closing the last connection of a file copies its log into it, which waits for
        the disk (20 ms a put against 2).
        """
        with self._lock:
            try:
                if self._owner != os.getpid():
                    # After a fork the parent's connection may be neither used nor closed, so it is kept aside.
                    self._inherited.append(self._connection)
                    self._connection, self._owner = None, os.getpid()
                if self._connection is None:
                    self._connection = self._opened()
                yield self._connection
            except sqlite3.DatabaseError as error:
                raise self._failure(error) from error
            except zlib.error as error:
                raise self._failure(sqlite3.DatabaseError(str(error))) from error

    def _opened(self) -> sqlite3.Connection:
        """Opens the file and checks it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"The statistics cache {self.path} cannot be made: {error}. Choose another path."
            raise AutoproxError(message) from error
        connection = sqlite3.connect(
            self.path.absolute().as_uri(), uri=True, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._check(connection)
        except BaseException:
            connection.close()
            raise
        weakref.finalize(self, connection.close)
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        """Checks that the file is a cache of this version, and makes one of an empty file."""
        if _is_empty(connection):
            connection.execute("PRAGMA journal_mode = WAL")
            with _transaction(connection):
                if _is_empty(connection):  # under the lock now: another process may have been first
                    for statement in _SCHEMA.split(";"):
                        connection.execute(statement)
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        if application != _APPLICATION:
            raise StoreMismatchError(f"{self.path} is an SQLite file, but no statistics cache. Choose another path.")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != FORMAT_VERSION:
            raise StoreMismatchError(
                f"The statistics cache {self.path} has format version {version}, and this autoprox reads version "
                f"{FORMAT_VERSION}. {self._remedy()}"
            )
        # In the write-ahead log the last puts may be lost with the power, but the file stays whole: it is a cache.
        connection.execute("PRAGMA synchronous = NORMAL")

    def _changed(self, network: str) -> StoreMismatchError:
        return StoreMismatchError(
            f"The statistics cache {self.path} was changed or damaged: what it holds for network {network} does not "
            f"match its checksum. {self._remedy()}"
        )

    def _failure(self, error: sqlite3.DatabaseError) -> AutoproxError:
        """What an error of SQLite means to a user."""
        name = getattr(error, "sqlite_errorname", None)
        if name is None or name in _DAMAGED:
            return StoreMismatchError(f"The statistics cache {self.path} is damaged: {error}. {self._remedy()}")
        if name.startswith("SQLITE_BUSY"):
            return AutoproxError(
                f"The statistics cache {self.path} has been locked by another process for {_WAIT_S:.0f} s. "
                f"End that process or name another folder in XDG_CACHE_HOME."
            )
        return AutoproxError(
            f"The statistics cache {self.path} cannot be used: {error}. Look at the free space and the permissions of "
            f"its folder, or choose another path."
        )

    def _remedy(self) -> str:
        return f"Delete {self.path} (what was in it will be computed again) or choose another path."


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    """Says of a file that is taken over what would else be said of the cache that takes it."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StoreMismatchError(
            f"{path} cannot be taken over: {error}. Delete it (what is in it will be computed again), or make it anew."
        ) from error


def default_path() -> Path:
    """Where the cache lives unless a path is given.

    Example:
        >>> default_path().name
        'statistics.sqlite'
    """
    return Path(platformdirs.user_cache_dir("autoprox")) / "statistics.sqlite"


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Takes the write lock at once, so that what was read within stays true until the commit."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        yield


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _encoded(arrays: Sequence[Floats]) -> bytes:
    """Lengths, then values, little-endian and compressed.

    The first bytes of all values come first, then the second ones, and so on: exponents compress, mantissas do not, and
    apart from each other they are read twice as fast.
    """
    lengths = np.array([len(array) for array in arrays], dtype="<i8")
    values = np.concatenate([np.empty(0), *arrays]).astype("<f8")
    return zlib.compress(lengths.tobytes() + values.view(np.uint8).reshape(-1, 8).T.tobytes(), _LEVEL)


def _checksum(*parts: str | bytes) -> str:
    return bytes_digest(b"\0".join(part.encode() if isinstance(part, str) else part for part in parts))

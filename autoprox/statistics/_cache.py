"""Results on disk: arrays under opaque digests, network by network, in one SQLite file.

The cache knows no graph. What it holds for a network is named by digests that the caller makes from everything that a
value depends on, so a value never goes stale: it is just not asked for any more. SQLite's write-ahead log makes a put
atomic, and lets processes read while one writes; a process that is killed at any moment loses its unfinished put alone.
"""

import json
import os
import threading
import weakref
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from autoprox.base.arrays import Floats
from autoprox.base.digest import bytes_digest, canonical_json
from autoprox.base.errors import AutoproxError, StoreMismatchError
from autoprox.base.store import Store, StoreFormat
from autoprox.inspect.nodes import Role, Site

NodeRoles = dict[Site, tuple[Role, ...]]
"""For every site of a network, the roles of its nodes in forward order."""

FORMAT = StoreFormat(
    "statistics cache",
    """
CREATE TABLE networks (network TEXT PRIMARY KEY, layout TEXT NOT NULL, checksum TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE bundles (bundle INTEGER PRIMARY KEY, expressions TEXT NOT NULL UNIQUE);
CREATE TABLE results (
    result INTEGER PRIMARY KEY, network TEXT NOT NULL, bundle INTEGER NOT NULL,
    checksum TEXT NOT NULL, payload BLOB NOT NULL, UNIQUE (network, bundle)
)
""",
    "Delete {path} (what was in it will be computed again) or choose another path.",
    application=0x61707278,  # "aprx"
)
"""The format of the file. In the write-ahead log the last puts may be lost with the power: it is a cache."""

_WAIT_S = 60.0
# A put holds the lock for milliseconds, so that a longer wait means a process that was stopped within one.

_LEVEL = 1
# Mantissas hardly compress: zlib's higher levels cost several times as much and save less than 1 % more.

_LARGEST_B = 2**28
# No put of a network is larger; a payload that would be is refused before memory is taken for it.


class StatisticsCache:
    """Arrays of float64 under (network, expression), kept on disk.

    It may be used by several threads and processes at once, and sent to another process, which opens the file itself.

    Args:
        path: The file; made with its folders when something is first asked for or put. By default `statistics.sqlite`
            in the user's cache folder.
        beside: A file of the same form that comes with a table. It has precedence, is only read, and nothing of it
            reaches the cache itself: what a table brings along counts for work on that table alone.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cache = StatisticsCache(Path(folder) / "statistics.sqlite")
        ...     cache.put("network", {"expression": np.array([1.0, 2.0])}, {Site.LINEAR: (Role.EMBED, Role.HEAD)})
        ...     cache.get("network", ["expression", "another"])
        {'expression': array([1., 2.])}
    """

    def __init__(self, path: Path | str | None = None, *, beside: Path | None = None) -> None:
        self.path = Path(path) if path is not None else default_path()
        self.beside = beside
        self._lock = threading.Lock()
        self._stores: list[Store] = []
        self._owner = os.getpid()
        self._inherited: list[list[Store]] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(StatisticsCache, beside=self.beside), (self.path,)

    def close(self) -> None:
        """Closes the file; what is asked for next opens it again."""
        with self._lock:
            if self._owner == os.getpid():
                for store in self._stores:
                    store.close()
                self._stores = []

    def finish(self) -> None:
        """Closes the file as one that is handed on: compact, and with no log beside it."""
        with self._opened() as (own, *_):
            own.connection.execute("VACUUM")
            own.finish()
        self.close()

    def get(self, network: str, expressions: Iterable[str]) -> dict[str, Floats]:
        """Stored values of the expressions for one network; see `get_many`."""
        return self.get_many([network], expressions)[network]

    def get_many(self, networks: Sequence[str], expressions: Iterable[str]) -> dict[str, dict[str, Floats]]:
        """Stored values of the expressions for each network.

        Args:
            networks: Keys of networks.
            expressions: Digests of expressions.

        Returns:
            Under every network a dictionary, without the expressions that are not stored; the arrays, `(n_nodes,)`, are
            read-only, and hold no memory but their own.

        Raises:
            StoreMismatchError: If the file is not a cache of this version, is damaged, or a row of it was changed.
            AutoproxError: If the file cannot be read.
        """
        found: dict[str, dict[str, Floats]] = {network: {} for network in networks}
        wanted = set(expressions)
        with self._opened() as stores:
            for store in reversed(stores):
                with store.decoding():
                    _read(store, found, wanted)
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
        with self._opened() as (own, *_), own.transaction() as connection:
            stored = connection.execute("SELECT layout FROM networks WHERE network = ?", (network,)).fetchone()
            if stored is not None and stored[0] != roles:
                raise own.damaged(f"it holds network {network} with other nodes, as if the model's code had changed")
            if stored is None:
                row = (network, roles, _checksum(network, roles))
                connection.execute("INSERT INTO networks VALUES (?, ?, ?)", row)
            connection.execute("INSERT OR IGNORE INTO bundles (expressions) VALUES (?)", (expressions,))
            connection.execute(
                "INSERT OR IGNORE INTO results (network, bundle, checksum, payload)"
                " SELECT ?, bundle, ?, ? FROM bundles WHERE expressions = ?",
                (network, _checksum(network, expressions, payload), payload, expressions),
            )

    def roles(self, networks: Sequence[str]) -> dict[str, NodeRoles]:
        """The roles of the nodes of those of the networks that are stored.

        Raises:
            StoreMismatchError: As for `get_many`, and if what comes with a table has other nodes of a network.
            AutoproxError: If the file cannot be read.
        """
        found: dict[str, NodeRoles] = {}
        with self._opened() as stores:
            for store in stores:
                with store.decoding():
                    for network, layout in _roles(store, networks).items():
                        if found.setdefault(network, layout) != layout:
                            raise store.damaged(f"it holds network {network} with other nodes than '{self.path}'")
        return found

    @contextmanager
    def _opened(self) -> Iterator[list[Store]]:
        """The files of this process, the cache itself first, for one thread at a time.

        They are kept open from call to call: closing the last connection of a file copies its log into it, which waits
        for the disk (20 ms a put against 2).
        """
        with self._lock:
            if self._owner != os.getpid():
                # After a fork the parent's connections may be neither used nor closed, so they are kept aside.
                self._inherited.append(self._stores)
                self._stores, self._owner = [], os.getpid()
            if not self._stores:
                self._stores = self._connected()
            yield self._stores

    def _connected(self) -> list[Store]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"The statistics cache '{self.path}' cannot be made: {error}. Choose another path."
            raise AutoproxError(message) from error
        stores = [] if self.beside is None else [Store.reading(self.beside, FORMAT, frozen=True)]
        stores.insert(0, Store(self.path, FORMAT, wait_s=_WAIT_S))
        for store in stores:
            weakref.finalize(self, store.close)
        return stores


def default_path() -> Path:
    """Where the cache lives unless a path is given.

    Example:
        >>> default_path().name
        'statistics.sqlite'
    """
    return Path(platformdirs.user_cache_dir("autoprox")) / "statistics.sqlite"


def _read(store: Store, found: dict[str, dict[str, Floats]], wanted: set[str]) -> None:
    """Adds what a file has of the expressions to what was found before."""
    # Keys go as one JSON array, here and below: the number of parameters of a statement is limited.
    networks = json.dumps(list(found))
    query = (
        "SELECT bundle, expressions FROM bundles"
        " WHERE bundle IN (SELECT bundle FROM results WHERE network IN (SELECT value FROM json_each(?)))"
    )
    bundles = {bundle: text.split(" ") for bundle, text in store.rows(query, (networks,))}
    picks = {
        bundle: chosen
        for bundle, names in bundles.items()
        if (chosen := [(index, name) for index, name in enumerate(names) if name in wanted])
    }
    query = (
        "SELECT network, bundle, checksum, payload FROM results"
        " WHERE network IN (SELECT value FROM json_each(?)) AND bundle IN (SELECT value FROM json_each(?))"
        " ORDER BY result"
    )
    # Row by row: what is stored of many networks may be far more than what is asked for.
    for network, bundle, checksum, payload in store.connection.execute(query, (networks, json.dumps(list(picks)))):
        names, row = bundles[bundle], found[network]
        # The first of two results stands, so that what was read once is what is read ever after.
        missing = [(index, name) for index, name in picks[bundle] if name not in row]
        if not missing:
            continue
        if checksum != _checksum(network, " ".join(names), payload):
            raise _changed(store, network)
        values, bounds = _decoded(payload, len(names))
        for index, name in missing:
            array = values[bounds[index] : bounds[index + 1]]
            row[name] = array if len(missing) == len(names) else array.copy()
            row[name].flags.writeable = False


def _roles(store: Store, networks: Sequence[str]) -> dict[str, NodeRoles]:
    found: dict[str, NodeRoles] = {}
    parsed: dict[str, NodeRoles] = {}
    query = "SELECT network, layout, checksum FROM networks WHERE network IN (SELECT value FROM json_each(?))"
    for network, roles, checksum in store.rows(query, (json.dumps(networks),)):
        if checksum != _checksum(network, roles):
            raise _changed(store, network)
        if roles not in parsed:  # networks of one depth share theirs
            sites = json.loads(roles).items()
            parsed[roles] = {Site(site): tuple(Role(role) for role in held) for site, held in sites}
        found[network] = dict(parsed[roles])
    return found


def _changed(store: Store, network: str) -> StoreMismatchError:
    return store.damaged(f"what it holds for network {network} does not match its checksum")


def _encoded(arrays: Sequence[Floats]) -> bytes:
    """Lengths, then values, little-endian and compressed.

    The first bytes of all values come first, then the second ones, and so on: exponents compress, mantissas do not, and
    apart from each other they are read twice as fast.
    """
    lengths = np.array([len(array) for array in arrays], dtype="<i8")
    values = np.concatenate([np.empty(0), *arrays]).astype("<f8")
    return zlib.compress(lengths.tobytes() + values.view(np.uint8).reshape(-1, 8).T.tobytes(), _LEVEL)


def _decoded(payload: bytes, count: int) -> tuple[Floats, list[int]]:
    """All arrays of a payload one behind the other, and where each begins and the last ends.

    Raises:
        ValueError: If it does not hold `count` arrays.
    """
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(payload, _LARGEST_B)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if stream.unconsumed_tail:
        raise ValueError(f"a row holds more than {_LARGEST_B} bytes")
    lengths = np.frombuffer(raw, "<i8", count).tolist()
    values = np.frombuffer(raw, np.uint8, offset=8 * count).reshape(8, -1).T.copy().view("<f8").ravel()
    if min(lengths, default=0) < 0 or sum(lengths) != len(values):
        raise ValueError("a row does not hold arrays of the lengths that it states")
    return values, list(accumulate(lengths, initial=0))


def _checksum(*parts: str | bytes) -> str:
    return bytes_digest(b"\0".join(part.encode() if isinstance(part, str) else part for part in parts))

"""Results on disk: arrays by network and digest, in one SQLite file.

The cache does not know graphs. The caller makes the digests from everything that a value depends on, so a value never
becomes stale: its key is no longer used. SQLite's write-ahead log makes a put atomic and lets processes read while one
writes; a killed process loses only its unfinished put.
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
"""Roles of a network's nodes in forward order, by site."""

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
    "Delete {path} (its values will be computed again) or choose another path.",
    application=0x61707278,  # "aprx"
)
"""Format of the file. A loss of power may undo the last puts, which is acceptable for a cache."""

_WAIT_S = 60.0
# A put holds the lock for milliseconds; a longer wait means that a process was stopped during a put.

_LEVEL = 1
# Mantissas hardly compress: zlib's higher levels cost several times as much and save less than 1 % more.

_LARGEST_B = 2**28
# No put is larger; a larger payload is refused before memory is allocated.


class StatisticsCache:
    """Float64 arrays by network and expression, stored on disk.

    Several threads and processes may use it at once. Sent to another process, it opens the file there.

    Args:
        path: The file, created with its folders on first use. By default `statistics.sqlite` in the user's cache
            folder.
        beside: A file of the same format supplied with a table. It has precedence and is only read. Its values are not
            copied into the cache, because they are valid only for that table.

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
        """Closes the file; the next access opens it again."""
        with self._lock:
            if self._owner == os.getpid():
                for store in self._stores:
                    store.close()
                self._stores = []

    def finish(self) -> None:
        """Closes the file for distribution: compact and without a log beside it."""
        with self._opened() as (own, *_):
            own.connection.execute("VACUUM")
            own.finish()
        self.close()

    def get(self, network: str, expressions: Iterable[str]) -> dict[str, Floats]:
        """Returns stored values of expressions for one network; see `get_many`."""
        return self.get_many([network], expressions)[network]

    def get_many(self, networks: Sequence[str], expressions: Iterable[str]) -> dict[str, dict[str, Floats]]:
        """Returns stored values of expressions for each network.

        Args:
            networks: Keys of networks.
            expressions: Digests of expressions.

        Returns:
            For every network, the stored arrays by expression. Arrays, `(n_nodes,)`, are read-only and own their
            memory.

        Raises:
            StoreMismatchError: If the file is not a cache of this version, or is damaged or changed.
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
        """Stores results of one network: all of them, or none if the process is killed. Stored values are kept.

        Args:
            network: Key of the network.
            values: Float64 arrays `(n_nodes,)` by digest of the expression; NaN and infinities are allowed.
            layout: Roles of the network's nodes by site.

        Raises:
            ValueError: If an array is not float64 with one dimension.
            StoreMismatchError: If the network is stored with another layout, and as for `get_many`.
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
                raise own.damaged(f"it has other nodes for network {network}, so the model's code may have changed")
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
        """Returns the roles of the nodes of the stored networks.

        Raises:
            StoreMismatchError: As for `get_many`, and if the file of a table has other nodes for a network.
            AutoproxError: If the file cannot be read.
        """
        found: dict[str, NodeRoles] = {}
        with self._opened() as stores:
            for store in stores:
                with store.decoding():
                    for network, layout in _roles(store, networks).items():
                        if found.setdefault(network, layout) != layout:
                            raise store.damaged(f"it has other nodes for network {network} than '{self.path}'")
        return found

    @contextmanager
    def _opened(self) -> Iterator[list[Store]]:
        """Yields the open files of this process, the cache itself first, to one thread at a time.

        Files stay open between calls: closing the last connection of a file copies its log into it, which waits for the
            disk (20 ms per put instead of 2).
        """
        with self._lock:
            if self._owner != os.getpid():
                # After a fork, the parent's connections must not be used or closed, so they are kept unused.
                self._inherited.append(self._stores)
                self._stores, self._owner = [], os.getpid()
            if not self._stores:
                self._stores = self._connected()
            yield self._stores

    def _connected(self) -> list[Store]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"The statistics cache '{self.path}' cannot be created: {error}. Choose another path."
            raise AutoproxError(message) from error
        stores = [] if self.beside is None else [Store.reading(self.beside, FORMAT, frozen=True)]
        stores.insert(0, Store(self.path, FORMAT, wait_s=_WAIT_S))
        for store in stores:
            weakref.finalize(self, store.close)
        return stores


def default_path() -> Path:
    """Returns the default path of the cache.

    Example:
        >>> default_path().name
        'statistics.sqlite'
    """
    return Path(platformdirs.user_cache_dir("autoprox")) / "statistics.sqlite"


def _read(store: Store, found: dict[str, dict[str, Floats]], wanted: set[str]) -> None:
    """Adds the wanted values in a file to the values found before."""
    # Keys are passed as one JSON array, here and below, because the number of parameters of a statement is limited.
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
    # Row by row, because much more may be stored for many networks than is wanted.
    for network, bundle, checksum, payload in store.connection.execute(query, (networks, json.dumps(list(picks)))):
        names, row = bundles[bundle], found[network]
        # The first of two results is used, so that repeated reads give the same values.
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
        if roles not in parsed:  # networks of one depth have the same layout
            sites = json.loads(roles).items()
            parsed[roles] = {Site(site): tuple(Role(role) for role in held) for site, held in sites}
        found[network] = dict(parsed[roles])
    return found


def _changed(store: Store, network: str) -> StoreMismatchError:
    return store.damaged(f"its values for network {network} do not match their checksum")


def _encoded(arrays: Sequence[Floats]) -> bytes:
    """Encodes lengths, then values, little-endian and compressed.

    The first bytes of all values come first, then the second bytes, and so on: exponents compress and mantissas do not,
    so separating them doubles the reading speed.
    """
    lengths = np.array([len(array) for array in arrays], dtype="<i8")
    values = np.concatenate([np.empty(0), *arrays]).astype("<f8")
    return zlib.compress(lengths.tobytes() + values.view(np.uint8).reshape(-1, 8).T.tobytes(), _LEVEL)


def _decoded(payload: bytes, count: int) -> tuple[Floats, list[int]]:
    """Decodes a payload to its concatenated arrays and their bounds.

    Raises:
        ValueError: If it does not contain `count` arrays.
    """
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(payload, _LARGEST_B)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if stream.unconsumed_tail:
        raise ValueError(f"a row has more than {_LARGEST_B} bytes")
    lengths = np.frombuffer(raw, "<i8", count).tolist()
    values = np.frombuffer(raw, np.uint8, offset=8 * count).reshape(8, -1).T.copy().view("<f8").ravel()
    if min(lengths, default=0) < 0 or sum(lengths) != len(values):
        raise ValueError("a row does not have the stated lengths")
    return values, list(accumulate(lengths, initial=0))


def _checksum(*parts: str | bytes) -> str:
    return bytes_digest(b"\0".join(part.encode() if isinstance(part, str) else part for part in parts))

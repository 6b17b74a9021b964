"""The cache: what is put comes back to the bit, from any process, and nothing that is broken is believed."""

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from autoprox.base.errors import AutoproxError, StoreMismatchError
from autoprox.inspect.nodes import Role, Site
from autoprox.statistics import StatisticsCache, cache

LAYOUT = {Site.LINEAR: (Role.EMBED, Role.MLP, Role.HEAD), Site.NORM: (Role.MLP,), Site.ATTENTION: ()}


def arrays(seed, expressions=("a", "b", "c")):
    rng = np.random.default_rng(seed)
    return {name: np.exp(rng.normal(size=rng.integers(1, 30))) for name in expressions}


@pytest.fixture
def store(tmp_path):
    held = StatisticsCache(tmp_path / "folder" / "statistics.sqlite")
    yield held
    held.close()


@pytest.fixture
def filled(store):
    for index in range(5):
        store.put(f"network{index}", arrays(index), LAYOUT)
    store.close()
    return store


def equal(found, expected):
    return list(found) == list(expected) and all(np.array_equal(found[key], expected[key]) for key in expected)


def edit(path, statement, *values):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement, values)
    connection.close()


# What it holds.


def test_what_is_put_comes_back_to_the_bit(store):
    values = {"odd": np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, 1 / 3]), "empty": np.empty(0), "one": np.ones(1)}
    store.put("network", values, LAYOUT)
    for held in (store, StatisticsCache(store.path)):
        found = held.get("network", ["one", "missing", "empty", "odd"])
        assert set(found) == set(values)
        for name, array in values.items():
            assert found[name].dtype == np.float64
            assert found[name].tobytes() == array.tobytes()
            assert not found[name].flags.writeable
        held.close()


def test_many_networks_with_different_expressions(store):
    store.put("first", arrays(0), LAYOUT)
    store.put("second", arrays(1, ("b", "d")), LAYOUT)
    store.put("first", arrays(2, ("d", "e")), LAYOUT)
    found = store.get_many(["second", "nothing", "first"], ["d", "a", "e"])
    assert list(found) == ["second", "nothing", "first"]
    assert equal(found["first"], {"a": arrays(0)["a"], **arrays(2, ("d", "e"))})
    assert equal(found["second"], {"d": arrays(1, ("b", "d"))["d"]})
    assert found["nothing"] == {}
    assert store.get_many([], ["a"]) == {}
    assert store.get("first", []) == {}


def test_more_keys_than_a_statement_has_parameters(filled):
    networks = [f"other{index}" for index in range(40_000)] + ["network3"]
    assert equal(
        filled.get_many(networks, [f"x{index}" for index in range(40_000)] + ["a"])["network3"], {"a": arrays(3)["a"]}
    )
    assert list(filled.layouts(networks)) == ["network3"]


def test_the_first_result_stands(store):
    store.put("network", {"a": np.zeros(2)}, LAYOUT)
    store.put("network", {"a": np.ones(2)}, LAYOUT)
    store.put("network", {"a": np.ones(2), "b": np.ones(1)}, LAYOUT)
    assert equal(store.get("network", ["a", "b"]), {"a": np.zeros(2), "b": np.ones(1)})


def test_layouts_come_back(store):
    store.put("network", {}, LAYOUT)
    store.put("other", arrays(0), {Site.LINEAR: [Role.POOL]})
    assert store.layouts(["other", "network", "unknown"]) == {"network": LAYOUT, "other": {Site.LINEAR: (Role.POOL,)}}
    assert store.get("network", ["a"]) == {}


def test_another_layout_of_one_network_is_refused_and_nothing_is_stored(store):
    store.put("network", arrays(0), LAYOUT)
    with pytest.raises(StoreMismatchError, match=r"with other nodes.*Delete"):
        store.put("network", {"new": np.ones(1)}, {**LAYOUT, Site.NORM: ()})
    assert store.get("network", ["new"]) == {}


@pytest.mark.parametrize("array", [np.ones(2, dtype=np.float32), np.ones((2, 2)), np.array(1.0), np.ones(2, dtype=int)])
def test_only_flat_float64_is_taken(store, array):
    with pytest.raises(ValueError, match=r"Expected float64 of shape \(n_nodes,\) for 'a'"):
        store.put("network", {"a": array}, LAYOUT)
    assert not store.path.exists()


def test_the_default_path_is_in_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert StatisticsCache().path == tmp_path / "autoprox" / "statistics.sqlite"


# Threads and processes.

WRITER = """
import sys
import numpy as np
from autoprox.inspect.nodes import Role, Site
from autoprox.statistics import StatisticsCache
cache, me = StatisticsCache(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for index in range(int(sys.argv[3])):
    for owner in (f"own{me}-{index}", f"shared-{index}"):
        values = {f"e{number}": np.full(3, 100.0 * index + number) for number in range(40)}
        cache.put(owner, values, {Site.LINEAR: (Role.MLP,) * 3})
        assert cache.get(owner, ["e7"])["e7"][0] == 100.0 * index + 7
    print(index, flush=True)
"""


def writers(paths, puts):
    """Processes that have imported what they need, and put on when they are told to go."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(me), str(puts)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for me, path in enumerate(paths)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    return processes


def go(process):
    process.stdin.write("go\n")
    process.stdin.flush()


def test_processes_make_and_fill_one_cache_at_once(store):
    processes = writers([store.path] * 2, 15)
    for process in processes:
        go(process)
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert output.split() == [str(index) for index in range(15)]
    keys = [f"{owner}-{index}" for owner in ("own0", "own1", "shared") for index in range(15)]
    found = store.get_many(keys, [f"e{number}" for number in range(40)])
    for key, held in found.items():
        index = int(key.split("-")[1])
        assert {name: array.tolist() for name, array in held.items()} == {
            f"e{number}": [100.0 * index + number] * 3 for number in range(40)
        }


def test_a_killed_writer_leaves_whole_rows(tmp_path):
    delays = (0.0, 0.05)
    paths = [tmp_path / f"{delay}.sqlite" for delay in delays]
    for delay, path, process in zip(delays, paths, writers(paths, 100_000), strict=True):
        go(process)
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate(timeout=60)
        done = max([int(line) for line in output.split()], default=0)
        store = StatisticsCache(path)
        keys = [f"shared-{index}" for index in range(done + 3)]
        sizes = [len(held) for held in store.get_many(keys, [f"e{number}" for number in range(40)]).values()]
        assert sizes[: done + 1] == [40] * (done + 1), "a put that returned is there"
        assert set(sizes) <= {0, 40}, "a put is there as a whole or not at all"
        store.put("after", arrays(0), LAYOUT)
        assert equal(store.get("after", "abc"), arrays(0))
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        store.close()


def test_threads_share_one_cache(store):
    failures = []

    def work(me):
        for index in range(20):
            store.put(f"{me}-{index}", arrays(index), LAYOUT)
            if not equal(store.get(f"{me}-{index}", "abc"), arrays(index)):
                failures.append((me, index))

    threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_it_travels_to_another_process(filled):
    assert equal(pickle.loads(pickle.dumps(filled)).get("network1", "abc"), arrays(1))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_opens_the_file_anew(filled):
    filled.get("network0", "a")  # the parent's connection is open when it forks
    child = os.fork()
    if child == 0:
        filled.put("from the child", arrays(9), LAYOUT)
        os._exit(0 if equal(filled.get("network1", "abc"), arrays(1)) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert equal(filled.get("from the child", "abc"), arrays(9))


# What is broken.


def expect_mismatch(store, message, *, network="network2"):
    for call in (lambda: store.get(network, "abc"), lambda: store.get_many([network], "a")):
        with pytest.raises(StoreMismatchError, match=message) as caught:
            call()
        assert str(store.path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE results SET payload = CAST(substr(payload, 1, 20) || x'00' || substr(payload, 22) AS BLOB) "
        "WHERE network = 'network2'",
        "UPDATE results SET payload = x'' WHERE network = 'network2'",
        "UPDATE results SET payload = (SELECT payload FROM results WHERE network = 'network1'), "
        "checksum = (SELECT checksum FROM results WHERE network = 'network1') WHERE network = 'network2'",
        "UPDATE results SET checksum = 'x' WHERE network = 'network2'",
        "UPDATE bundles SET expressions = 'c b a'",
    ],
)
def test_a_row_that_was_changed_is_an_error_and_the_others_stay_usable(filled, statement):
    edit(filled.path, statement)
    expect_mismatch(filled, "network network2 does not match its checksum.*Delete")
    if "bundles" not in statement:
        assert equal(filled.get("network1", "abc"), arrays(1))


def test_a_layout_that_was_changed_is_an_error(filled):
    edit(filled.path, "UPDATE networks SET layout = '{}' WHERE network = 'network2'")
    with pytest.raises(StoreMismatchError, match="does not match its checksum"):
        filled.layouts(["network2"])
    assert filled.layouts(["network1"]) == {"network1": LAYOUT}


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_truncated_file_is_an_error(filled, share):
    with filled.path.open("r+b") as file:
        file.truncate(int(filled.path.stat().st_size * share))
    expect_mismatch(filled, "is damaged.*Delete")
    with pytest.raises(StoreMismatchError, match="is damaged"):
        filled.put("network", arrays(0), LAYOUT)


def test_a_file_with_overwritten_pages_is_an_error_or_loses_rows_but_never_lies(filled):
    whole = filled.path.read_bytes()
    overwritten = [whole[:start] + b"\xa5" * 64 + whole[start + 64 :] for start in range(0, len(whole), 1024)]
    for damaged in [*overwritten, whole[: -len(whole) // 20]]:
        filled.path.write_bytes(damaged)
        try:
            found = filled.get_many([f"network{index}" for index in range(5)], "abc")
        except StoreMismatchError:
            continue
        finally:
            filled.close()
        for index, held in enumerate(found.values()):
            assert all(np.array_equal(array, arrays(index)[name]) for name, array in held.items())


def test_an_empty_file_becomes_a_cache(store):
    store.path.parent.mkdir()
    store.path.touch()
    store.put("network", arrays(0), LAYOUT)
    assert equal(store.get("network", "abc"), arrays(0))


def test_a_file_that_is_no_database_is_refused_and_left_alone(store):
    store.path.parent.mkdir()
    store.path.write_bytes(b"precious" * 1000)
    expect_mismatch(store, "is damaged: file is not a database")
    assert store.path.read_bytes() == b"precious" * 1000


def test_a_database_of_something_else_is_refused_and_left_alone(store):
    store.path.parent.mkdir()
    edit(store.path, "CREATE TABLE precious (value)")
    before = store.path.read_bytes()
    expect_mismatch(store, "no statistics cache. Choose another path")
    assert store.path.read_bytes() == before


def test_another_version_is_refused(filled):
    edit(filled.path, f"PRAGMA user_version = {cache.FORMAT_VERSION + 1}")
    expect_mismatch(filled, "has format version 2, and this autoprox reads version 1. Delete")


def test_a_path_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AutoproxError, match=r"cannot be made: .*Choose another path"):
        StatisticsCache(tmp_path / "file" / "statistics.sqlite").get("network", "a")
    with pytest.raises(AutoproxError, match="cannot be used: unable to open database file"):
        StatisticsCache(tmp_path).get("network", "a")


def test_a_lock_that_is_not_given_back(filled, monkeypatch):
    monkeypatch.setattr(cache, "_WAIT_S", 0.2)
    other = sqlite3.connect(filled.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert equal(filled.get("network1", "abc"), arrays(1)), "reading needs no lock"
    with pytest.raises(AutoproxError, match="locked by another process"):
        filled.put("network", arrays(0), LAYOUT)
    other.execute("ROLLBACK")
    other.close()
    filled.put("network", arrays(0), LAYOUT)
    assert equal(filled.get("network", "abc"), arrays(0))


def test_a_full_disk_loses_the_put_alone(filled):
    filled.get("network0", "a")
    filled._connection.execute(
        f"PRAGMA max_page_count = {filled._connection.execute('PRAGMA page_count').fetchone()[0]}"
    )
    with pytest.raises(AutoproxError, match=r"database or disk is full.*free space"):
        filled.put("large", {"a": np.random.default_rng(0).normal(size=100_000)}, LAYOUT)
    filled.close()
    assert filled.get("large", "a") == {}
    filled.put("large", {"a": np.ones(5)}, LAYOUT)
    assert equal(filled.get("network1", "abc"), arrays(1))


# What comes from another file.


def test_adopts_what_it_lacks_and_keeps_what_it_has(filled, tmp_path):
    own = StatisticsCache(tmp_path / "own.sqlite")
    own.put("network0", {"a": np.array([7.0])}, LAYOUT)
    own.put("network9", arrays(9), LAYOUT)
    for _ in range(2):  # the second time there is nothing to do
        own.adopt(filled.path)
        assert own.get("network0", ["a"])["a"].tolist() == [7.0]
        assert equal(own.get("network0", ["b", "c"]), {name: arrays(0)[name] for name in ("b", "c")})
        assert equal(own.get("network9", ["a", "b", "c"]), arrays(9))
        for index in range(1, 5):
            assert equal(own.get(f"network{index}", ["a", "b", "c"]), arrays(index))
        assert own.layouts(["network3"]) == {"network3": LAYOUT}


def test_adopts_from_a_folder_that_cannot_be_written(filled, tmp_path):
    folder = filled.path.parent
    before = sorted(folder.iterdir())
    folder.chmod(0o500)
    try:
        own = StatisticsCache(tmp_path / "own.sqlite")
        own.adopt(filled.path)
    finally:
        folder.chmod(0o700)
    assert equal(own.get("network4", ["a", "b", "c"]), arrays(4))
    assert sorted(folder.iterdir()) == before


def test_does_not_adopt_what_is_no_cache(store, tmp_path):
    store.put("network0", arrays(0), LAYOUT)
    foreign = tmp_path / "foreign.sqlite"
    edit(foreign, "CREATE TABLE results (result INTEGER)")
    with pytest.raises(StoreMismatchError, match="no statistics cache of format version"):
        store.adopt(foreign)
    (tmp_path / "text.sqlite").write_text("no database " * 100)
    with pytest.raises(StoreMismatchError, match=r"text\.sqlite cannot be taken over"):
        store.adopt(tmp_path / "text.sqlite")
    with pytest.raises(AutoproxError):
        store.adopt(tmp_path / "missing.sqlite")
    assert equal(store.get("network0", ["a", "b", "c"]), arrays(0))


def test_does_not_adopt_other_nodes_under_the_same_key(filled, tmp_path):
    own = StatisticsCache(tmp_path / "own.sqlite")
    own.put("network0", arrays(0), {**LAYOUT, Site.NORM: ()})
    with pytest.raises(StoreMismatchError, match="network0 with other nodes"):
        own.adopt(filled.path)
    assert own.get("network1", ["a"]) == {}


def test_a_changed_row_that_was_adopted_is_not_believed(filled, tmp_path):
    edit(filled.path, "UPDATE results SET payload = ? WHERE network = 'network2'", b"other")
    own = StatisticsCache(tmp_path / "own.sqlite")
    own.adopt(filled.path)
    with pytest.raises(StoreMismatchError, match="network2 does not match its checksum"):
        own.get("network2", ["a"])

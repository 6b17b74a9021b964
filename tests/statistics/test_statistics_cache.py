"""The cache: values are bit-identical from any process, and damaged files are refused."""

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import pytest

import autoprox
from autoprox.base.errors import AutoproxError, StoreMismatchError
from autoprox.graph import Evaluator, LeafTable, collect_leaves
from autoprox.inspect.nodes import Role, Site
from autoprox.networks.network import Network
from autoprox.spaces import space
from autoprox.spaces.task import noise_task
from autoprox.statistics import StatisticsCache
from autoprox.statistics import _cache as cache

ARCH = space("pit-micro").sample(np.random.default_rng(0))
SNIP = autoprox.load("snip").graph
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
    assert list(filled.roles(networks)) == ["network3"]


def test_the_first_result_stands(store):
    store.put("network", {"a": np.zeros(2)}, LAYOUT)
    store.put("network", {"a": np.ones(2)}, LAYOUT)
    store.put("network", {"a": np.ones(2), "b": np.ones(1)}, LAYOUT)
    assert equal(store.get("network", ["a", "b"]), {"a": np.zeros(2), "b": np.ones(1)})


def test_roles_come_back(store):
    store.put("network", {}, LAYOUT)
    store.put("other", arrays(0), {Site.LINEAR: [Role.POOL]})
    assert store.roles(["other", "network", "unknown"]) == {"network": LAYOUT, "other": {Site.LINEAR: (Role.POOL,)}}
    assert store.get("network", ["a"]) == {}


def test_another_layout_of_one_network_is_refused_and_nothing_is_stored(store):
    store.put("network", arrays(0), LAYOUT)
    with pytest.raises(StoreMismatchError, match=r"has other nodes.*Delete"):
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
        assert store._stores[0].connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
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
    expect_mismatch(filled, "network network2 do not match their checksum.*Delete")
    if "bundles" not in statement:
        assert equal(filled.get("network1", "abc"), arrays(1))


def test_a_layout_that_was_changed_is_an_error(filled):
    edit(filled.path, "UPDATE networks SET layout = '{}' WHERE network = 'network2'")
    with pytest.raises(StoreMismatchError, match="do not match their checksum"):
        filled.roles(["network2"])
    assert filled.roles(["network1"]) == {"network1": LAYOUT}


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
    expect_mismatch(store, "but not a statistics cache.*choose another path")
    assert store.path.read_bytes() == before


def test_another_version_is_refused(filled):
    edit(filled.path, "PRAGMA user_version = 2")
    expect_mismatch(filled, "has format version 2, and this autoprox reads version 1. Delete")


def test_a_path_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AutoproxError, match=r"cannot be created: .*Choose another path"):
        StatisticsCache(tmp_path / "file" / "statistics.sqlite").get("network", "a")
    with pytest.raises(AutoproxError, match="is not a regular file, so it cannot be a statistics cache"):
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
    filled._stores[0].connection.execute(
        f"PRAGMA max_page_count = {filled._stores[0].connection.execute('PRAGMA page_count').fetchone()[0]}"
    )
    with pytest.raises(AutoproxError, match=r"there is no space left.*free space"):
        filled.put("large", {"a": np.random.default_rng(0).normal(size=100_000)}, LAYOUT)
    filled.close()
    assert filled.get("large", "a") == {}
    filled.put("large", {"a": np.ones(5)}, LAYOUT)
    assert equal(filled.get("network1", "abc"), arrays(1))


# What comes with a table.


def test_what_stands_beside_has_precedence_and_is_not_copied(filled, tmp_path):
    own = StatisticsCache(tmp_path / "own.sqlite")
    own.put("network0", {"a": np.array([7.0]), "d": np.array([8.0])}, LAYOUT)
    own.put("network9", arrays(9), LAYOUT)
    both = StatisticsCache(own.path, beside=filled.path)
    assert equal(both.get("network0", "abc"), arrays(0))
    assert both.get("network0", "d")["d"].tolist() == [8.0]
    assert equal(both.get("network9", "abc"), arrays(9))
    assert both.roles(["network3", "network9"]) == {"network3": LAYOUT, "network9": LAYOUT}
    both.put("network3", {"d": np.ones(1)}, LAYOUT)
    both.close()
    assert own.get("network0", "a")["a"].tolist() == [7.0]
    assert own.get("network3", "abcd").keys() == {"d"}
    assert filled.get("network3", "d") == {}


def test_a_table_of_others_changes_no_score_of_another_table(tmp_path, monkeypatch):
    """Even where it brings values of that table's own networks along."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    mine, hostile = Network(space("pit-micro"), ARCH, noise_task("digits", 10, 8)), tmp_path / "hostile.bank.sqlite"
    true = Evaluator(LeafTable(collect_leaves([mine], SNIP.node_leaves, StatisticsCache()))).scores([SNIP])
    other = StatisticsCache(hostile)
    leaves = collect_leaves([mine], SNIP.node_leaves, StatisticsCache())[0]
    other.put(mine.key, {name: np.full_like(values, 99.0) for name, values in leaves.values.items()}, leaves.roles)
    other.finish()
    StatisticsCache().path.unlink()
    for _ in range(2):
        beside = collect_leaves([mine], SNIP.node_leaves, StatisticsCache(beside=hostile))
        assert all((values == 99.0).all() for values in beside[0].values.values())
    again = Evaluator(LeafTable(collect_leaves([mine], SNIP.node_leaves, StatisticsCache()))).scores([SNIP])
    assert again == true


def test_what_stands_beside_may_lie_in_a_folder_that_cannot_be_written(filled, tmp_path):
    folder = filled.path.parent
    filled.finish()
    before = sorted(folder.iterdir())
    folder.chmod(0o500)
    try:
        own = StatisticsCache(tmp_path / "own.sqlite", beside=filled.path)
        assert equal(own.get("network4", "abc"), arrays(4))
    finally:
        folder.chmod(0o700)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("content", [None, b"no database " * 100])
def test_what_stands_beside_has_to_be_a_cache(store, tmp_path, content):
    foreign = tmp_path / "foreign.sqlite"
    if content is not None:
        foreign.write_bytes(content)
    with pytest.raises(StoreMismatchError, match=r"foreign\.sqlite"):
        StatisticsCache(store.path, beside=foreign).get("network0", "a")


def test_other_nodes_beside_under_the_same_key_are_refused(filled, tmp_path):
    own = StatisticsCache(tmp_path / "own.sqlite")
    own.put("network0", arrays(0), {**LAYOUT, Site.NORM: ()})
    both = StatisticsCache(own.path, beside=filled.path)
    with pytest.raises(StoreMismatchError, match="other nodes for network network0"):
        both.roles(["network0"])


def test_a_changed_row_beside_is_not_believed(filled, tmp_path):
    edit(filled.path, "UPDATE results SET payload = ? WHERE network = 'network2'", b"other")
    with pytest.raises(StoreMismatchError, match="network2 do not match their checksum"):
        StatisticsCache(tmp_path / "own.sqlite", beside=filled.path).get("network2", ["a"])


# How much memory it takes.


def test_what_is_not_asked_for_is_not_kept(store):
    """One array of a bundle must not hold the memory of all that was stored with it."""
    store.put("network", {str(index): np.ones(100) for index in range(200)}, LAYOUT)
    (array,) = store.get("network", ["17"]).values()
    assert array.base is None
    assert array.nbytes == 800


def test_a_row_that_would_fill_the_memory_is_refused(filled, monkeypatch):
    payload = zlib.compress(b"\0" * 10_000)
    checksum = cache._checksum("network2", "a b c", payload)
    edit(filled.path, "UPDATE results SET payload = ?, checksum = ? WHERE network = 'network2'", payload, checksum)
    expect_mismatch(filled, "is damaged: a row does not have the stated lengths")
    monkeypatch.setattr(cache, "_LARGEST_B", 9_999)
    expect_mismatch(filled, "is damaged: a row has more than 9999 bytes")

"""The same seed gives the same bytes: in another process, with another hash seed or --jobs, stopped and gone on."""

import os
import platform
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import torch

from tests.commands.test_command_line import user_frame
from tests.interpreters import Child, Interpreter
from tests.parallel.sessions import alive, ended, wait_until, workers

PROGRAM = """
import random, sys
classes = [type(f"Unrelated{i}", (), {}) for i in range(1000)]
random.seed(99)
from autoprox.commands import main
sys.exit(main(["evolve", *sys.argv[1:]]))
"""

BUDGET = 1200


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("table") / "mine.parquet"
    user_frame(16).to_parquet(path)
    return path


def best(
    python: Interpreter,
    table: Path,
    folder: Path,
    *options: str,
    budget: int = BUDGET,
    cache: Path | None = None,
) -> bytes:
    """Bytes of best.json of a run, with a cache of its own unless one is given."""
    command = ["-m", "autoprox.evolve", *arguments_of(table, folder, budget), *options]
    succeeds(python, command, cache or folder / "cache")
    return (folder / "run" / "best.json").read_bytes()


def succeeds(python: Interpreter, command: list[str], cache: Path) -> None:
    with python.start(command, env=environment_of(cache)) as child:
        _, said = child.communicate()
    assert child.returncode == 0, said


def arguments_of(table: Path, folder: Path, budget: int) -> list[str]:
    """Two islands of short epochs, so that a run has several."""
    where = ["--bench", str(table), "--out", str(folder / "run")]
    how = ["--islands", "2", "--set", "population=48", "offspring=16"]
    return [*where, *how, "--budget", str(budget), "--seed", "7", "--jobs", "1", "--no-report"]


def environment_of(cache: Path, hash_seed: str = "0") -> dict[str, str]:
    return os.environ | {"PYTHONHASHSEED": hash_seed, "XDG_CACHE_HOME": str(cache)}


@pytest.fixture(scope="module")
def shared_cache() -> Path:
    """The folder of all tests, for runs that test only the search."""
    return Path(os.environ["XDG_CACHE_HOME"])


@pytest.fixture(scope="module")
def reference(python, table, shared_cache, tmp_path_factory) -> bytes:
    return best(python, table, tmp_path_factory.mktemp("reference"), cache=shared_cache)


def test_another_hash_seed_and_other_classes_do_not_matter(table, reference, shared_cache, tmp_path):
    command = [sys.executable, "-c", PROGRAM, *arguments_of(table, tmp_path, BUDGET)]
    subprocess.run(command, env=environment_of(shared_cache, "12345"), check=True, capture_output=True)
    assert (tmp_path / "run" / "best.json").read_bytes() == reference


def test_a_run_killed_while_it_collects_does_not_matter(python, table, reference, tmp_path):
    """A run that was killed leaves part of the statistics in the cache; the next one uses them and ends the same."""
    cache = tmp_path / "cache" / "autoprox" / "statistics.sqlite"
    kill_when(started(python, table, tmp_path, tmp_path / "cache"), lambda: rows_of(cache, "results") >= 2)
    assert not (tmp_path / "run" / "best.json").exists()
    assert best(python, table, tmp_path) == reference


def test_a_run_killed_while_it_searches_goes_on(python, table, reference, shared_cache, tmp_path):
    """kill -9, then --resume to a smaller budget, then to the whole one: the bytes of a run in one piece."""
    journal = tmp_path / "run" / "journal.sqlite"
    kill_when(started(python, table, tmp_path, shared_cache), lambda: rows_of(journal, "epochs") >= 1)
    killed_with = rows_of(journal, "evaluations")
    assert killed_with >= 1
    assert not (tmp_path / "run" / "best.json").exists()
    smaller = best(python, table, tmp_path, "--resume", budget=BUDGET - 300, cache=shared_cache)
    assert smaller != reference
    assert best(python, table, tmp_path, "--resume", cache=shared_cache) == reference
    with closing(sqlite3.connect(journal)) as connection:
        digests = [digest for (digest,) in connection.execute("select digest from evaluations where status = 'valid'")]
    assert len(set(digests)) == len(digests) == BUDGET > killed_with


def test_interrupted_by_hand_it_says_how_to_go_on(python, table, reference, shared_cache, tmp_path):
    victim = started(python, table, tmp_path, shared_cache)
    journal = tmp_path / "run" / "journal.sqlite"
    wait_for(victim, lambda: rows_of(journal, "epochs") >= 1)
    victim.send_signal(signal.SIGINT)
    _, said = victim.communicate()
    assert victim.returncode == 130
    assert "Traceback" not in said
    (line,) = [each for each in said.splitlines() if "Resume with: " in each]
    command = shlex.split(line.split("Resume with: ")[1])
    assert command[:3] == ["python", "-m", "autoprox.evolve"]
    succeeds(python, command[1:], shared_cache)
    assert (tmp_path / "run" / "best.json").read_bytes() == reference


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="sessions are read from /proc")
def test_a_killed_worker_is_one_line_that_says_how_to_go_on(python, table, reference, shared_cache, tmp_path):
    """Two processes repeat the epoch in which one was killed; the bytes are those of an undisturbed run in one."""
    command = ["-m", "autoprox.evolve", *arguments_of(table, tmp_path, BUDGET), "--quiet", "--jobs", "2"]
    with ended(python.start(command, env=environment_of(shared_cache), session=True)) as victim:
        wait_for(victim, lambda: rows_of(tmp_path / "run" / "journal.sqlite", "epochs") >= 1)
        os.kill(workers(victim.pid)[0], signal.SIGKILL)
        _, said = victim.communicate(timeout=300)
        wait_until(lambda: not alive(victim.pid))
    assert victim.returncode == 2
    (line,) = said.splitlines()
    assert line.startswith("autoprox: error: A worker process, or the connection to the cluster, was lost")
    command = shlex.split(line.split("Resume with: ")[1])
    assert command[:3] == ["python", "-m", "autoprox.evolve"]
    succeeds(python, command[1:], shared_cache)
    assert (tmp_path / "run" / "best.json").read_bytes() == reference


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="sessions are read from /proc")
@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_takes_its_workers_with_it(python, table, shared_cache, tmp_path, ended_by):
    """While the workers of islands start; an interrupt goes to all processes, as a terminal sends it."""
    command = ["-m", "autoprox.evolve", *arguments_of(table, tmp_path, BUDGET), "--jobs", "2", "--quiet"]
    with ended(python.start(command, env=environment_of(shared_cache), session=True)) as victim:
        wait_for(victim, lambda: bool(workers(victim.pid)))
        (os.killpg if ended_by is signal.SIGINT else os.kill)(victim.pid, ended_by)
        _, said = victim.communicate(timeout=300)
        wait_until(lambda: not alive(victim.pid))
    if ended_by is signal.SIGINT:
        assert victim.returncode == 130, said
        (line,) = said.splitlines()
        assert line.startswith("autoprox: Interrupted. ")
    else:
        assert victim.returncode == -ended_by


def started(python: Interpreter, table: Path, folder: Path, cache: Path) -> Child:
    """A run in a separate process."""
    return python.start(["-m", "autoprox.evolve", *arguments_of(table, folder, BUDGET)], env=environment_of(cache))


def kill_when(victim: Child, ready: Callable[[], bool]) -> None:
    wait_for(victim, ready)
    victim.kill()
    victim.wait()


def wait_for(victim: Child, ready: Callable[[], bool]) -> None:
    while not ready():
        assert victim.poll() is None, "the run ended before it could be stopped"
        time.sleep(0.005)


def rows_of(database: Path, table: str) -> int:
    """Rows of a table of a database that another process writes."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # the file is being made


def test_nothing_volatile(reference):
    """No times, hosts, paths or versions of the environment stand in the file that is compared."""
    text = reference.decode()
    for word in (platform.node(), torch.__version__, str(Path(__file__).parent), platform.platform()):
        assert word not in text

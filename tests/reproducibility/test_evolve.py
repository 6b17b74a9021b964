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
from tests.parallel.sessions import alive, in_a_session, wait_until, workers

PROGRAM = """
import sys
{prelude}
from autoprox.commands import main
sys.exit(main(["evolve", *sys.argv[1:]]))
"""

BUDGET = 1200

OTHER_CLASSES = "classes = [type(f'Unrelated{i}', (), {}) for i in range(1000)]; import random; random.seed(99)"


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("table") / "mine.parquet"
    user_frame(16).to_parquet(path)
    return path


def best(
    table: Path,
    folder: Path,
    *options: str,
    hash_seed: str = "0",
    prelude: str = "",
    budget: int = BUDGET,
    cache: Path | None = None,
) -> bytes:
    """Bytes of best.json of a run in a fresh process, with a cache of its own unless one is given."""
    program = PROGRAM.format(prelude=prelude)
    command = [sys.executable, "-c", program, *arguments_of(table, folder, budget), *options]
    environment = environment_of(cache or folder / "cache", hash_seed)
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return (folder / "run" / "best.json").read_bytes()


def arguments_of(table: Path, folder: Path, budget: int) -> list[str]:
    """Two islands of short epochs, so that a run has several."""
    where = ["--bench", str(table), "--out", str(folder / "run")]
    how = ["--islands", "2", "--set", "population=48", "offspring=16"]
    return [*where, *how, "--budget", str(budget), "--seed", "7", "--jobs", "1", "--no-report"]


def environment_of(cache: Path, hash_seed: str = "0") -> dict[str, str]:
    return os.environ | {"PYTHONHASHSEED": hash_seed, "XDG_CACHE_HOME": str(cache)}


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory) -> Path:
    """Folder with the statistics of the reference, for runs that test only the search."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def reference(table, shared_cache, tmp_path_factory) -> bytes:
    return best(table, tmp_path_factory.mktemp("reference"), cache=shared_cache)


def test_another_hash_seed_other_classes_and_more_jobs_do_not_matter(table, reference, shared_cache, tmp_path):
    other = best(table, tmp_path, "--jobs", "2", hash_seed="12345", prelude=OTHER_CLASSES, cache=shared_cache)
    assert other == reference


def test_a_run_killed_while_it_collects_does_not_matter(table, reference, tmp_path):
    """A run that was killed leaves part of the statistics in the cache; the next one uses them and ends the same."""
    cache = tmp_path / "cache" / "autoprox" / "statistics.sqlite"
    kill_when(started(table, tmp_path, tmp_path / "cache"), lambda: rows_of(cache, "results") >= 2)
    assert not (tmp_path / "run" / "best.json").exists()
    assert best(table, tmp_path) == reference


def test_a_run_killed_while_it_searches_goes_on(table, reference, shared_cache, tmp_path):
    """kill -9, then --resume to a smaller budget, then to the whole one with other --jobs: the bytes of one go."""
    journal = tmp_path / "run" / "journal.sqlite"
    kill_when(started(table, tmp_path, shared_cache), lambda: rows_of(journal, "epochs") >= 1)
    killed_with = rows_of(journal, "evaluations")
    assert killed_with >= 1
    assert not (tmp_path / "run" / "best.json").exists()
    smaller = best(table, tmp_path, "--resume", budget=BUDGET - 300, cache=shared_cache)
    assert smaller != reference
    assert best(table, tmp_path, "--resume", "--jobs", "2", cache=shared_cache) == reference
    with closing(sqlite3.connect(journal)) as connection:
        digests = [digest for (digest,) in connection.execute("select digest from evaluations where status = 'valid'")]
    assert len(set(digests)) == len(digests) == BUDGET > killed_with


def test_interrupted_by_hand_it_says_how_to_go_on(table, reference, shared_cache, tmp_path):
    victim = started(table, tmp_path, shared_cache, stderr=subprocess.PIPE)
    journal = tmp_path / "run" / "journal.sqlite"
    wait_for(victim, lambda: rows_of(journal, "epochs") >= 1)
    victim.send_signal(signal.SIGINT)
    _, said = victim.communicate()
    assert victim.returncode == 130
    assert "Traceback" not in said
    (line,) = [each for each in said.splitlines() if "Resume with: " in each]
    command = shlex.split(line.split("Resume with: ")[1])
    assert command[:3] == ["python", "-m", "autoprox.evolve"]
    subprocess.run([sys.executable, *command[1:]], env=environment_of(shared_cache), check=True, capture_output=True)
    assert (tmp_path / "run" / "best.json").read_bytes() == reference


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="sessions are read from /proc")
def test_a_killed_worker_is_one_line_that_says_how_to_go_on(table, reference, shared_cache, tmp_path):
    """The epoch in which it was killed is done again; the bytes are those of a run from which no process was taken."""
    command = [sys.executable, "-m", "autoprox.evolve", *arguments_of(table, tmp_path, BUDGET), "--quiet"]
    command += ["--jobs", "2"]
    with in_a_session(command, environment_of(shared_cache)) as victim:
        wait_for(victim, lambda: rows_of(tmp_path / "run" / "journal.sqlite", "epochs") >= 1)
        os.kill(workers(victim.pid)[0], signal.SIGKILL)
        _, said = victim.communicate(timeout=300)
        wait_until(lambda: not alive(victim.pid))
    assert victim.returncode == 2
    (line,) = said.splitlines()
    assert line.startswith("autoprox: error: A worker process, or the connection to the cluster, was lost")
    command = shlex.split(line.split("Resume with: ")[1])
    assert command[:3] == ["python", "-m", "autoprox.evolve"]
    subprocess.run([sys.executable, *command[1:]], env=environment_of(shared_cache), check=True, capture_output=True)
    assert (tmp_path / "run" / "best.json").read_bytes() == reference


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="sessions are read from /proc")
@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_takes_its_workers_with_it(table, shared_cache, tmp_path, ended_by):
    """While the workers of islands start; an interrupt goes to all processes, as a terminal sends it."""
    options = [*arguments_of(table, tmp_path, BUDGET), "--jobs", "2", "--quiet"]
    with in_a_session([sys.executable, "-m", "autoprox.evolve", *options], environment_of(shared_cache)) as victim:
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


def started(table: Path, folder: Path, cache: Path, *, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    command = [sys.executable, "-m", "autoprox.evolve", *arguments_of(table, folder, BUDGET)]
    return subprocess.Popen(
        command,
        env=environment_of(cache),
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
        # A shell that runs the tests in the background has them ignore interrupts, and what they start as well.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def kill_when(victim: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    wait_for(victim, ready)
    victim.kill()
    victim.wait()


def wait_for(victim: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
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

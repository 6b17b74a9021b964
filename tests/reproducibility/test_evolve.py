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

PROGRAM = """
import sys
{prelude}
from autoprox.commands.evolve import main
sys.exit(main(sys.argv[1:]))
"""

OTHER_CLASSES = "classes = [type(f'Unrelated{i}', (), {}) for i in range(1000)]; import random; random.seed(99)"


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("table") / "mine.parquet"
    user_frame(24).to_parquet(path)
    return path


def best(
    table: Path, folder: Path, *options: str, hash_seed: str = "0", prelude: str = "", budget: int = 1200
) -> bytes:
    """Bytes of best.json of a run in a fresh process with a cache of its own; it passes one growth of the bank."""
    program = PROGRAM.format(prelude=prelude)
    command = [sys.executable, "-c", program, *arguments_of(table, folder, budget), *options]
    subprocess.run(command, env=environment_of(folder, hash_seed), check=True, capture_output=True)
    return (folder / "run" / "best.json").read_bytes()


def arguments_of(table: Path, folder: Path, budget: int) -> list[str]:
    return [
        *("--bench", str(table), "--budget", str(budget), "--out", str(folder / "run"), "--seed", "7", "--jobs", "1")
    ]


def environment_of(folder: Path, hash_seed: str = "0") -> dict[str, str]:
    return os.environ | {"PYTHONHASHSEED": hash_seed, "XDG_CACHE_HOME": str(folder / "cache")}


@pytest.fixture(scope="module")
def reference(table, tmp_path_factory) -> bytes:
    return best(table, tmp_path_factory.mktemp("reference"))


def test_other_hash_seed_and_other_classes(table, reference, tmp_path):
    assert best(table, tmp_path, hash_seed="12345", prelude=OTHER_CLASSES) == reference


def test_jobs_do_not_matter(table, reference, tmp_path):
    assert best(table, tmp_path, "--jobs", "2") == reference


def test_a_run_killed_while_it_collects_does_not_matter(table, reference, tmp_path):
    """A run that was killed leaves part of the statistics in the cache; the next one uses them and ends the same."""
    cache = tmp_path / "cache" / "autoprox" / "statistics.sqlite"
    kill_when(started(table, tmp_path), lambda: rows_of(cache, "results") >= 2)
    assert not (tmp_path / "run" / "best.json").exists()
    assert best(table, tmp_path) == reference


def test_a_run_killed_while_it_searches_goes_on(table, tmp_path):
    """kill -9, then --resume with other --jobs, budget by budget and by islands: the bytes of the run at once."""
    options = ("--islands", "2", "--set", "population=48", "parents=16")
    whole = best(table, tmp_path / "whole", *options)
    parts = tmp_path / "parts"
    journal = parts / "run" / "journal.sqlite"
    kill_when(started(table, parts, *options), lambda: rows_of(journal, "epochs") >= 1)
    killed_with = rows_of(journal, "evaluations")
    assert killed_with >= 1
    assert not (parts / "run" / "best.json").exists()
    assert best(table, parts, *options, "--resume", "--jobs", "2") == whole
    again = parts / "run"
    with closing(sqlite3.connect(again / "journal.sqlite")) as connection:
        graphs = [digest for (digest,) in connection.execute("select digest from evaluations")]
    assert len(set(graphs)) == len(graphs) > killed_with


def test_a_run_that_is_extended_is_the_run_at_once(table, reference, tmp_path):
    best(table, tmp_path, budget=700)
    assert best(table, tmp_path, "--resume") == reference


def test_interrupted_by_hand_it_says_how_to_go_on(table, reference, tmp_path):
    victim = started(table, tmp_path, stderr=subprocess.PIPE)
    journal = tmp_path / "run" / "journal.sqlite"
    wait_for(victim, lambda: rows_of(journal, "epochs") >= 1)
    victim.send_signal(signal.SIGINT)
    _, said = victim.communicate()
    assert victim.returncode == 130
    assert "Traceback" not in said
    (line,) = [each for each in said.splitlines() if "to go on" in each]
    command = shlex.split(line.split("to go on: ")[1])
    assert command[:3] == ["python", "-m", "autoprox.evolve"]
    command = [sys.executable, *command[1:]]
    subprocess.run(command, env=environment_of(tmp_path), check=True, capture_output=True)
    assert (tmp_path / "run" / "best.json").read_bytes() == reference


def started(table: Path, folder: Path, *options: str, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    command = [sys.executable, "-m", "autoprox.evolve", *arguments_of(table, folder, 1200), *options]
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(command, env=environment_of(folder), stdout=subprocess.DEVNULL, stderr=stderr, text=True)


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


def test_another_seed_gives_another_result(table, reference, tmp_path):
    assert best(table, tmp_path, "--seed", "8") != reference


def test_nothing_volatile(reference):
    """No times, hosts, paths or versions of the environment stand in the file that is compared."""
    text = reference.decode()
    for word in (platform.node(), torch.__version__, str(Path(__file__).parent), platform.platform()):
        assert word not in text

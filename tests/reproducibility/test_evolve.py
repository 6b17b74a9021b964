"""The same seed gives the same bytes: in another process, with another hash seed, other classes, other --jobs."""

import os
import platform
import sqlite3
import subprocess
import sys
import time
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
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "XDG_CACHE_HOME": str(folder / "cache")}
    arguments = ["--bench", str(table), "--budget", str(budget), "--out", str(folder / "run"), "--seed", "7"]
    arguments += ["--jobs", "1", *options]
    program = PROGRAM.format(prelude=prelude)
    subprocess.run([sys.executable, "-c", program, *arguments], env=environment, check=True, capture_output=True)
    return (folder / "run" / "best.json").read_bytes()


@pytest.fixture(scope="module")
def reference(table, tmp_path_factory) -> bytes:
    return best(table, tmp_path_factory.mktemp("reference"))


def test_other_hash_seed_and_other_classes(table, reference, tmp_path):
    assert best(table, tmp_path, hash_seed="12345", prelude=OTHER_CLASSES) == reference


def test_jobs_do_not_matter(table, reference, tmp_path):
    assert best(table, tmp_path, "--jobs", "2") == reference


def test_a_killed_run_does_not_matter(table, reference, tmp_path):
    """A run that was killed leaves part of the statistics in the cache; the next one uses them and ends the same."""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [
        sys.executable,
        "-m",
        "autoprox.evolve",
        "--bench",
        str(table),
        "--jobs",
        "1",
        "--out",
        str(tmp_path / "cut"),
    ]
    victim = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cache = tmp_path / "cache" / "autoprox" / "statistics.sqlite"
    while victim.poll() is None and networks_in(cache) < 2:
        time.sleep(0.05)
    victim.kill()
    victim.wait()
    assert networks_in(cache) >= 2
    assert not (tmp_path / "cut" / "best.json").exists()
    assert best(table, tmp_path) == reference


def networks_in(cache: Path) -> int:
    """Networks whose statistics are stored, as another process sees them."""
    if not cache.exists():
        return 0
    with closing(sqlite3.connect(f"file:{cache}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM results").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # the file is being made


def test_another_seed_gives_another_result(table, reference, tmp_path):
    assert best(table, tmp_path, "--seed", "8") != reference


def test_nothing_volatile(reference):
    """No times, hosts, paths or versions of the environment stand in the file that is compared."""
    text = reference.decode()
    for word in (platform.node(), torch.__version__, str(Path(__file__).parent), platform.platform()):
        assert word not in text

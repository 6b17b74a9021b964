"""The same seed gives the same bytes: in another process, with another hash seed, other classes, other --jobs."""

import os
import platform
import subprocess
import sys
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


def test_another_seed_gives_another_result(table, reference, tmp_path):
    assert best(table, tmp_path, "--seed", "8") != reference


def test_nothing_volatile(reference):
    """No times, hosts, paths or versions of the environment stand in the file that is compared."""
    text = reference.decode()
    for word in (platform.node(), torch.__version__, str(Path.home()), 'seconds": 1'):
        assert word not in text

"""Failures of a build are one line each; finished trainings are kept, and the build resumes."""

import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoprox.base.errors import AutoproxError, SpecError, StoreMismatchError
from autoprox.bench.labels import SCRATCH
from autoprox.bench.table_files import TableFiles, read_manifest
from autoprox.commands import main
from autoprox.spaces import load_space
from autoprox.training.build import build
from autoprox.training.device import device_named, kind_of
from autoprox.training.recipe import Recipe
from autoprox.training.train import Training, definition, train
from tests.bench.tiny import tiny_archs, tiny_plan
from tests.interpreters import Child, Interpreter
from tests.training.test_build import committed

TOTAL = 2 * 1 + 2 * 2
"""Trainings of the smallest plan."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs limits and signals of POSIX")


def tiny(python: Interpreter, out: Path, *, archs: int = 4, iso_seeds: int = 2, jobs: int = 1) -> Child:
    """A build in a separate process, by default the smallest."""
    return python.start(["-m", "tests.bench.tiny", str(out), str(archs), str(iso_seeds), str(jobs)], session=True)


def wait_for_first(child: Child, out: Path) -> None:
    """Returns when a training is in the journal."""
    deadline = time.monotonic() + 300
    while committed(TableFiles(out).journal) < 1:
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of the smallest table."""
    return build(tiny_plan(), tmp_path_factory.mktemp("whole") / "t.parquet").read_bytes()


def gone_on(out: Path, whole: bytes, error: str) -> None:
    """The failure is one line, finished trainings are kept, and the next build completes the table."""
    kept = committed(TableFiles(out).journal)
    assert error.count("autoprox: error:") == 1
    assert "Traceback" not in error
    assert 0 < kept < TOTAL
    assert not out.exists()
    assert build(tiny_plan(), out).read_bytes() == whole


class SmallDisk:
    """A separate file system to fill up; if none can be mounted, a limit on file sizes of a process."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._filler = folder, folder / "filler"
        command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
        self.mounted = bool(shutil.which("mount")) and subprocess.run(command, capture_output=True).returncode == 0

    def fill(self, child: Child) -> None:
        """Prevents all files of the process from growing."""
        if self.mounted:
            with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
        else:
            largest = max(path.stat().st_size for path in self.folder.iterdir())
            resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (largest, largest))

    def empty(self) -> None:
        self._filler.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    found = SmallDisk(folder)
    if not found.mounted and not hasattr(resource, "prlimit"):
        pytest.skip("a small file system cannot be mounted here, nor can a limit be put on another process")
    yield found
    if found.mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_full_disk(python: Interpreter, disk: SmallDisk, whole: bytes) -> None:
    out = disk.folder / "t.parquet"
    with tiny(python, out) as child:
        wait_for_first(child, out)
        disk.fill(child)
        _, error = child.communicate(timeout=300)
    assert child.returncode == 2
    assert "Recorded results are saved" in error
    assert not disk.mounted or "there is no space left" in error
    disk.empty()
    gone_on(out, whole, error)


def test_interrupted_build_says_how_to_go_on(python: Interpreter, tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    with tiny(python, out, archs=12, iso_seeds=20, jobs=2) as child:  # too many to end before the signal
        wait_for_first(child, out)
        os.killpg(child.pid, signal.SIGINT)  # what a terminal does
        _, error = child.communicate(timeout=300)
    assert child.returncode == 130
    assert "autoprox: Interrupted. Completed work" in error
    assert "Repeat the command to continue." in error
    assert "Traceback" not in error
    assert committed(TableFiles(out).journal) >= 1


def test_journals_that_do_not_belong(tmp_path: Path) -> None:
    plan = tiny_plan(archs=1)
    out = build(plan, tmp_path / "t.parquet")
    journal = TableFiles(out).journal
    before = out.read_bytes()
    with sqlite3.connect(journal) as connection:
        connection.execute("pragma user_version = 99")
    connection.close()
    with pytest.raises(StoreMismatchError, match="has format version 99, and this autoprox reads version 1"):
        build(plan, out)
    content = journal.read_bytes()
    for damaged in (content[: len(content) // 2], content[:100] + b"x" * (len(content) - 100), b"plain text " * 1000):
        journal.write_bytes(damaged)
        with pytest.raises(AutoproxError, match=r"The journal .* (is damaged|cannot be used)"):
            build(plan, out)
    assert out.read_bytes() == before


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(AutoproxError, match=r"The folder .* cannot be written"):
        build(tiny_plan(archs=1), Path("/proc") / "t.parquet")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpu", "A device is cpu, cuda or cuda:N, not 'gpu'"),
        ("meta", "A device is cpu, cuda or cuda:N, not 'meta'"),
        ("cuda:99", "The device 'cuda:99' is unavailable"),
    ],
)
def test_devices_that_are_not_there(
    name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SpecError, match=message):
        device_named(name)
    command = ["build", "--space", "pit-micro", "--archs", "1", "--iso", "0", "--datasets", "digits", "--device", name]
    assert main(["bench", *command, "--out", str(tmp_path / "t.parquet")]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_label_knows_the_kind_of_its_device() -> None:
    training = Training(load_space("autoformer-micro"), tiny_archs(1)[0].arch, "digits", SCRATCH, 0)
    recipe = Recipe(epochs=1)
    assert kind_of("cuda:3") == "cuda"
    assert definition(recipe, training, "cuda:3") == definition(recipe, training, "cuda:0")
    assert definition(recipe, training, "cuda") != definition(recipe, training, "cpu") == definition(recipe, training)
    with pytest.raises(SpecError, match="The device 'cuda:99' is unavailable"):
        train(training, recipe, "cuda:99")


def test_manifest_names_the_kind_of_device(tmp_path: Path) -> None:
    out = build(tiny_plan(archs=1), tmp_path / "t.parquet")
    assert read_manifest(TableFiles(out).manifest)["device"] == "cpu"

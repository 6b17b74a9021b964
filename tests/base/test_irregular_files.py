"""Only regular files are read and replaced: nothing waits for a pipe without a writer, and no device is removed."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import autoprox
from autoprox.base.errors import AutoproxError, StoreMismatchError
from autoprox.base.files import atomically, read_own_json
from autoprox.base.store import Store, StoreFormat, locked
from autoprox.bench.importers import Mapping, read_columns, read_published
from autoprox.bench.table import Table
from autoprox.bench.table_files import read_manifest
from autoprox.commands import main
from autoprox.datasets._pictures import Files
from autoprox.datasets._unpickling import read_pickled_arrays
from autoprox.datasets.batches import read_batches
from autoprox.networks import Trained, load_checkpoint
from autoprox.predict import LatencyModel, RegressionProxy
from autoprox.predict.parzc import MABNRegressor
from autoprox.scorers import hall_ensemble

PATIENCE_S = 20.0
FORM = StoreFormat("list", "create table items (name text not null)", "Delete {path}.")
SPACE = autoprox.space("pit-micro")
READERS: dict[str, Callable[[Path], Any]] = {
    "t.parquet": Table.read,
    "t.csv": lambda path: read_columns(path, Mapping({}, {}), SPACE, "mine"),
    "t.manifest.json": read_manifest,
    "t.batches.npz": read_batches,
    "t.pth": lambda path: read_published(path, SPACE),
    "best.json": autoprox.load,
    "hall.json": hall_ensemble,
    "run.json": read_own_json,
    "regression.json": RegressionProxy.load,
    "latency.json": lambda path: LatencyModel.load(path, SPACE),
    "model.pt": MABNRegressor.load,
    "trained.safetensors": Trained,
    "checkpoint.safetensors": lambda path: load_checkpoint(nn.Linear(1, 1), path),
    "data_batch_1": read_pickled_arrays,
    "image.png": lambda path: Files(path.parent, (path.name,)).read(0, 8),
    "journal.sqlite": lambda path: Store(path, FORM),
    "other.sqlite": lambda path: Store.reading(path, FORM),
}


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def socket_of(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(str(path))


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


KINDS = [pipe, socket_of, device, folder]


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Whoever waits for a pipe is woken."""

    def wake(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, wake)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("name", READERS)
def test_only_regular_files_are_read(name: str, make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / name)
    with pytest.raises(AutoproxError, match=name) as caught:
        READERS[name](tmp_path / name)
    assert "\n" not in str(caught.value)
    assert "TimeoutError" not in str(caught.value)


@pytest.mark.parametrize("make", KINDS)
def test_only_regular_files_are_replaced(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "out")
    before = (tmp_path / "out").lstat()
    with pytest.raises(AutoproxError, match="not a regular file"):
        atomically(tmp_path / "out", lambda target: target.write_text("content"))
    assert (tmp_path / "out").lstat().st_ino == before.st_ino
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_a_lock_is_a_regular_file(tmp_path: Path) -> None:
    pipe(tmp_path / "journal.sqlite.lock")
    with pytest.raises(AutoproxError, match="not a regular file"):
        locked(tmp_path / "journal.sqlite", "in use")


def link(path: Path) -> None:
    """As /dev/stdout is one, to whatever a shell redirects it to."""
    path.with_name("target").write_text("")
    path.symlink_to("target")


@pytest.mark.parametrize("make", [pipe, device, link])
def test_a_command_replaces_no_device(
    make: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "snip.py")
    assert main(["show", "snip", "--python", str(tmp_path / "snip.py"), "--force"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be written: it is " in line
    assert (tmp_path / "snip.py").is_symlink() or (tmp_path / "snip.py").is_fifo()


@pytest.mark.parametrize("name", ["run.json", "journal.sqlite", "best.json", "report.html", "autoprox.lock"])
@pytest.mark.parametrize("mode", ["--resume", "--force"])
def test_a_folder_of_a_run_holds_regular_files(
    name: str, mode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe(tmp_path / name)
    assert main(["evolve", "--out", str(tmp_path), "--budget", "1", mode]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("autoprox: error:")
    assert name in line
    assert {each.name for each in tmp_path.iterdir()} == {name}


def test_a_missing_file_is_still_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(StoreMismatchError, match="There is no file"):
        MABNRegressor.load(tmp_path / "model.pt")

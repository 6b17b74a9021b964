"""Files are written whole, and what a killed writer left is removed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoprox.base.errors import AutoproxError, SpecError
from autoprox.base.files import _HOST, atomically, require_writable

DYING = """
import os, signal, sys
from pathlib import Path
from autoprox.base.files import _HOST, atomically

def half(path):
    path.write_text("ha")
    os.kill(os.getpid(), signal.SIGKILL)

atomically(Path(sys.argv[1]), half)
"""


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("before")
    subprocess.run([sys.executable, "-c", DYING, str(path)], check=False)
    assert path.read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 2
    atomically(path, lambda target: target.write_text("after"))
    assert [each.name for each in tmp_path.iterdir()] == ["result.json"]
    assert path.read_text() == "after"


def test_unfinished_files_of_others_stay(tmp_path: Path) -> None:
    """Of a process that lives, of another file, of another machine, of another program."""
    living: list[Path] = []

    def write(target: Path) -> None:
        target.write_text("new")
        if not living:
            living.append(target)
            atomically(tmp_path / "a", lambda inner: inner.write_text("inner"))  # its own number is that of a process

    names = [".b.otherhost-1.tmp", ".a.tmp", "a.1.tmp", ".a.otherhost-99999999.tmp", ".a.x-y.tmp"]
    for name in names:
        (tmp_path / name).write_text("theirs")
    atomically(tmp_path / "b", write)
    assert {each.name for each in tmp_path.iterdir()} == {"a", "b", *names}
    assert (tmp_path / "b").read_text() == "new"


def test_one_inside_another_leaves_the_file_to_it(tmp_path: Path) -> None:
    seen: list[str] = []

    def write(target: Path) -> None:
        atomically(target, lambda inner: inner.write_text("whole"))
        seen.extend(each.name for each in tmp_path.iterdir())

    atomically(tmp_path / "a", write)
    assert seen == [f".a.{_HOST}-{os.getpid()}.tmp"]
    assert (tmp_path / "a").read_text() == "whole"


def test_what_cannot_be_written_leaves_what_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("before")

    def fails(target: Path) -> None:
        target.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(AutoproxError, match="there is no space left"):
        atomically(path, fails)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a", "before")]
    with pytest.raises(AutoproxError, match="cannot be written"):
        atomically(tmp_path / "none" / "a", lambda target: target.write_text(""))


def test_trying_a_folder_leaves_nothing_in_it(tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match="cannot be written"):
        require_writable(tmp_path / "file")
    if os.getuid():  # the superuser may write anywhere
        (tmp_path / "new").chmod(0o500)
        with pytest.raises(SpecError, match="Permission denied"):
            require_writable(tmp_path / "new")

"""The count of scorings of the sealed split."""

from pathlib import Path

import pytest

from autoprox.base.errors import AutoproxError
from autoprox.bench.sealed import count_sealed, sealed_count
from tests.interpreters import Interpreter


def test_counts_by_table(tmp_path: Path) -> None:
    assert sealed_count("a", tmp_path) == 0
    assert [count_sealed("a", tmp_path) for _ in range(3)] == [1, 2, 3]
    assert count_sealed("b", tmp_path) == 1
    assert sealed_count("a", tmp_path) == 3


def test_default_is_the_state_folder_of_the_user() -> None:
    before = sealed_count("default folder")
    assert count_sealed("default folder") == before + 1


def test_no_count_is_lost_between_processes(python: Interpreter, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from autoprox.bench.sealed import count_sealed\n"
        "for _ in range(20): count_sealed('a', Path(sys.argv[1]))"
    )
    children = [python.start(["-c", code, str(tmp_path)]) for _ in range(3)]
    assert [child.wait(timeout=120) for child in children] == [0, 0, 0]
    assert sealed_count("a", tmp_path) == 60


def test_damaged_count_is_explained(tmp_path: Path) -> None:
    (tmp_path / "sealed.sqlite").write_bytes(b"something else entirely" * 50)
    with pytest.raises(AutoproxError, match=r"sealed\.sqlite' is damaged"):
        count_sealed("a", tmp_path)

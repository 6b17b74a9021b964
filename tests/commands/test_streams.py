"""Standard streams that are full, closed, deserted or of another encoding: a command works, or ends in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="the system has no device that is full")


def shell(command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """What a shell makes of a command line, in which $A stands for the program."""
    line = command.replace("$A", f"{sys.executable} -m autoprox")
    return subprocess.run(
        line,
        shell=True,
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
        executable="/bin/bash",
    )


@pytest.mark.parametrize("words", ["--help", "--version", "show snip", "show --help"])
def test_a_reader_who_leaves_and_streams_that_are_closed_are_no_error(words: str) -> None:
    done = shell(f"$A {words} | true; echo ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == ("0\n", "")
    for closed in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        done = shell(f"$A {words} {closed}")
        assert (done.returncode, done.stderr) == (0, "")


@needs_full
@pytest.mark.parametrize("words", ["--help", "show snip", "bench info --json"])
def test_results_that_find_no_room_are_one_line(words: str) -> None:
    done = shell(f"$A {words} > /dev/full")
    assert done.returncode == 2
    (line,) = (line for line in done.stderr.splitlines() if "error" in line)
    assert line.startswith("autoprox: error: Standard output cannot be written (No space left on device); ")
    assert shell(f"$A {words} 2> /dev/full").returncode == 0


def test_errors_keep_their_status_where_nobody_can_be_told() -> None:
    for lost in ("2>&-", "2> /dev/full" if FULL.exists() else "2>&-"):
        done = shell(f"$A show nothing {lost}")
        assert (done.returncode, done.stdout) == (2, "")


def test_a_closed_stream_gives_its_number_to_no_file(tmp_path: Path) -> None:
    """Where standard output is closed, the next file that is opened would be number 1, and get what is said."""
    out = tmp_path / "out"
    done = shell(f"$A evaluate --proxy snip --out {out} >&-")
    plain = shell(f"$A evaluate --proxy snip --out {tmp_path / 'plain'}")
    assert (done.returncode, plain.returncode) == (0, 0), done.stderr + plain.stderr
    assert (out / "result.json").read_bytes() == (tmp_path / "plain" / "result.json").read_bytes()


@needs_full
def test_a_run_whose_results_cannot_be_said_is_saved_as_any_other(tmp_path: Path) -> None:
    words = "evolve --budget 60 --no-report --out"
    plain = shell(f"$A {words} {tmp_path / 'plain'}")
    assert plain.returncode == 0, plain.stderr
    for name, redirection in {"full": "> /dev/full 2> /dev/full", "left": "2>&- | true"}.items():
        shell(f"$A {words} {tmp_path / name} {redirection}")
        assert {path.name for path in (tmp_path / name).iterdir()} == {
            path.name for path in (tmp_path / "plain").iterdir()
        }
        best = (tmp_path / name / "best.json").read_text()
        assert best.replace(name, "plain") == (tmp_path / "plain" / "best.json").read_text()


def test_other_encodings_and_no_docstrings() -> None:
    plain = shell("$A show snip")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    for environment in ({"LC_ALL": "C"}, ascii_only, {"PYTHONOPTIMIZE": "2"}):
        done = shell("$A show snip", **environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert (
            done.stdout.encode("ascii", "backslashreplace").decode()
            == plain.stdout.encode("ascii", "backslashreplace").decode()
        )
    assert "'ü'" in shell("$A show ü").stderr
    refused = shell("$A show ü", **ascii_only)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1

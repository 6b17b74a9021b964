"""Standard streams that are full, closed, abandoned or in another encoding: a command works, or gives one line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from autoprox.commands import COMMANDS
from tests.conformance.test_commands import CASES, words, world
from tests.interpreters import CLOSED, LEFT, Interpreter, interpreter

__all__ = ["world"]

FULL = "/dev/full"
needs_full = pytest.mark.skipif(not Path(FULL).exists(), reason="the system has no device that is full")

SHORT = {
    "bench": "bench info",
    "device": "device profile",
    "evaluate": "evaluate",
    "evolve": "evolve",
    "metapool": "metapool train",
    "parzc": "parzc predict",
    "regression": "regression show",
    "search": "search",
    "supernet": "supernet conflict",
    "zoo": "zoo",
}
"""A fast subcommand per command with subcommands."""
SAVED = ("evolve", "judge")
"""Commands with a whole run without a place for its results below, or with the same output."""


class Shell:
    """Runs commands of autoprox with given standard streams."""

    def __init__(self, python: Interpreter) -> None:
        self._python = python

    def run(self, words: Sequence[str], **streams: str) -> int:
        """Runs one command.

        Args:
            words: Arguments of `autoprox`.
            streams: Files for `stdin`, `stdout` and `stderr`; /dev/null by default.

        Returns:
            The exit status.
        """
        away = dict.fromkeys(("stdout", "stderr"), os.devnull)
        return self._python.start(["-m", "autoprox", *words], **(away | streams)).wait()


@pytest.fixture
def plain(python: Interpreter) -> Shell:
    return Shell(python)


def given(name: str, world: Path, new: Path) -> list[str]:
    """A short use of a command that succeeds."""
    part = SHORT.get(name, name)
    if part == "judge":  # it changes the run that it is given
        shutil.copytree(world / "trial", new)
        return ["judge", str(new), "--jobs", "1"]
    new.mkdir()
    return words(part, CASES[part].arguments, world, new)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_who_leaves_and_streams_that_are_closed_are_no_error(
    name: str, plain: Shell, world: Path, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    for number, closed in enumerate(({"stdout": LEFT}, {"stdout": CLOSED}, {"stdin": CLOSED}, {"stderr": CLOSED})):
        # A standard output that is closed from the start is tested on a whole run below.
        used = number == 0 and name in SAYING  # the others meet a full device below
        help_or_use = given(name, world, tmp_path / "new") if used else [name, "--help"]
        streams = {"stderr": str(said), **closed}
        assert plain.run(help_or_use, **streams) == 0, said.read_text()
        if "stderr" not in closed:
            assert "error" not in said.read_text()
    assert plain.run([name, "--help"], stdin=CLOSED, stdout=CLOSED, stderr=CLOSED) == 0


@needs_full
@pytest.mark.parametrize("name", COMMANDS)
def test_results_that_find_no_room_are_one_line(name: str, plain: Shell, world: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    use = [name, "--help"] if name in SAVED else given(name, world, tmp_path / "new")
    assert plain.run(use, stdout=FULL, stderr=str(said)) == 2
    (line,) = (line for line in said.read_text().splitlines() if "error" in line)
    assert line.startswith("autoprox: error: Standard output cannot be written (No space left on device). ")
    assert "Traceback" not in said.read_text()
    assert plain.run([name, "--help"], stderr=FULL) == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_errors_keep_their_status_where_nobody_can_be_told(name: str, plain: Shell, tmp_path: Path) -> None:
    for lost in (CLOSED, LEFT, *([FULL] if Path(FULL).exists() else [])):
        assert plain.run([name, "--no-such-option"], stderr=lost, stdout=str(tmp_path / "said")) == 2
        assert (tmp_path / "said").read_text() == ""


@needs_full
def test_a_run_whose_results_cannot_be_said_is_saved_as_any_other(plain: Shell, world: Path, tmp_path: Path) -> None:
    """With a closed standard output, the next opened file would be number 1, and get the output."""
    lost = {
        "plain": {},
        "full": {"stdout": FULL, "stderr": FULL},
        "left": {"stdout": LEFT, "stderr": CLOSED},
        "closed": {"stdout": CLOSED},
    }
    for name, streams in lost.items():
        plain.run(given("evolve", world, tmp_path / name), **streams)
    for name in lost:
        assert {each.name for each in (tmp_path / name).iterdir()} >= {"best.json", "run.json", "report.html"}
        assert {each.name for each in (tmp_path / name).iterdir()} == {
            each.name for each in (tmp_path / "plain").iterdir()
        }
        best = (tmp_path / name / "best.json").read_text()
        assert best.replace(name, "plain") == (tmp_path / "plain" / "best.json").read_text()


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
ASCII_OPTIMISED = ASCII | {"PYTHONOPTIMIZE": "2"}
ENVIRONMENTS = [{"LC_ALL": "C"}, ASCII_OPTIMISED]
SAYING = ("show", "completion", "bench", "regression", "runs")
"""Commands with the same output each time; others print their duration."""
WRITING = ("search", "compress", "parzc")
"""Some of them, which write pages, tables and pictures of each kind."""


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=" ".join)
def test_other_encodings_and_no_docstrings(
    environment: dict[str, str], plain: Shell, world: Path, tmp_path: Path
) -> None:
    """Each command has the same output, character by character or escaped, except times."""
    before, now = tmp_path / "before", tmp_path / "now"
    with interpreter(environment) as started:
        other = Shell(started)
        for name in COMMANDS:
            assert other.run([name, "--help"], stdout=str(now)) == 0
            plain.run([name, "--help"], stdout=str(before))
            assert escaped(now) == escaped(before)
            if name not in SAYING and (name not in WRITING or environment != ASCII_OPTIMISED):
                continue
            use = given(name, world, tmp_path / name)
            assert other.run(use, stdout=str(now), stderr=str(tmp_path / "said")) == 0, (tmp_path / "said").read_text()
            if name in SAYING:
                assert plain.run(use, stdout=str(before)) == 0
                assert escaped(now) == escaped(before)
        assert other.run(["show", "ü"], stderr=str(now)) == 2
        assert len(now.read_text().splitlines()) == 1


def escaped(path: Path) -> str:
    """A text as ASCII."""
    return path.read_bytes().decode("utf-8", "surrogateescape").encode("ascii", "backslashreplace").decode()


def test_a_real_shell() -> None:
    """The original of the simulated streams, once."""
    program = f"{sys.executable} -m autoprox"
    line = f"{program} --help | true; echo ${{PIPESTATUS[0]}}; {program} --version >&-"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("0\n", "", 0)

"""Standard error: sentences or JSON, also from other packages, and nothing is left behind."""

import io
import json
import logging
import sys
import warnings

import numpy as np
import pytest

from autoprox.base import progress
from autoprox.base.errors import SpecError
from autoprox.base.logs import LOGGER
from autoprox.base.progress import LOGGER as PROGRESS
from autoprox.base.progress import Milestones
from autoprox.commands.console import candidate_bar, network_bar, note, warn
from autoprox.commands.parzc import mixture
from autoprox.commands.parzc_report import possible
from autoprox.commands.reporting import run_command


def body() -> int:
    note("a note\nof two lines, \x1b[31mred")
    warn("a warning")
    logging.getLogger("another").warning("heard %s", "too")
    logging.getLogger("another").info("of no interest")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("of Python", UserWarning, stacklevel=1)
    ticks = iter([0.0, 5.0, 65.0])
    reach = Milestones(5, "network", 0, lambda: next(ticks))
    reach(1)
    reach(2)
    raise SpecError("wrong")


def lines_of(capsys: pytest.CaptureFixture[str], *flags: str) -> list[str]:
    before = logging.getLogger().handlers[:]
    levels = LOGGER.level, PROGRESS.level
    shown = warnings.showwarning
    assert run_command("evolve", flags, body) == 2
    assert logging.getLogger().handlers == before
    assert (LOGGER.level, PROGRESS.level) == levels
    assert warnings.showwarning is shown
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()


def test_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    lines = lines_of(capsys)
    python = lines.pop(3)
    assert lines == [
        "autoprox: a note of two lines, \\x1b[31mred",
        "autoprox: warning: a warning",
        "autoprox: warning: heard too",
        "autoprox: 2 of 5 networks done (40 %), about 0:03:00 left",
        "autoprox: error: wrong",
    ]
    assert python.startswith("autoprox: warning: ")
    assert "UserWarning: of Python" in python


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING, logging.ERROR])
def test_a_terminal_gets_lines_of_80_columns(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes, warnings and errors are broken between words; a file gets each as one line."""
    text = " ".join(f"word{number}" for number in range(60)) + " /a/long/path" * 3
    printed = {}
    for terminal in (True, False):
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda terminal=terminal: terminal)
        monkeypatch.setattr(sys, "stderr", stream)
        assert run_command("evolve", [], lambda: LOGGER.log(level, text) or 0) == 0
        printed[terminal] = stream.getvalue()
    label = "" if level == logging.INFO else f"{logging.getLevelName(level).lower()}: "
    assert printed[False] == f"autoprox: {label}{text}\n"
    assert max(map(len, printed[True].splitlines())) <= 80
    assert printed[True].split() == printed[False].split()


def test_quiet_leaves_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of(capsys, "--quiet") == ["autoprox: error: wrong"]
    (line,) = lines_of(capsys, "--quiet", "--log-json")
    assert json.loads(line)["message"] == "wrong"


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    documents = [json.loads(line) for line in lines_of(capsys, "--log-json")]
    assert [each["level"] for each in documents] == ["info", "warning", "warning", "warning", "info", "error"]
    assert [each["logger"] for each in documents] == [
        "autoprox",
        "autoprox",
        "another",
        "py.warnings",
        "autoprox.base.progress",
        "autoprox",
    ]
    assert {each["command"] for each in documents} == {"evolve"}
    assert documents[0]["message"] == "a note of two lines, \x1b[31mred"
    milestone = {key: documents[4][key] for key in ("done", "total", "unit", "seconds_left")}
    assert milestone == {"done": 2, "total": 5, "unit": "network", "seconds_left": 180}


def test_tracebacks_of_other_packages_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> int:
        try:
            raise ValueError("inner")
        except ValueError:
            logging.getLogger("another").exception("lost")
        return 0

    assert run_command("evolve", ["--log-json"], broken) == 0
    document = json.loads(capsys.readouterr().err)
    assert document["message"] == "lost"
    assert "ValueError: inner" in document["exception"]
    assert run_command("evolve", [], broken) == 0
    first, *rest = capsys.readouterr().err.splitlines()
    assert first == "autoprox: error: lost"
    assert rest[-1] == "ValueError: inner"


def test_lines_of_a_bar_begin_with_its_step(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_LINE_S", 0.0)
    with caplog.at_level(logging.INFO, progress.LOGGER.name):
        assert list(network_bar("ab", 2, name="1/3 statistics")) == ["a", "b"]
        with candidate_bar(10, name="2/3 search") as show:
            show(4, 0.5)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].startswith("1/3 statistics: 1 of 2 networks done (50 %)")
    assert lines[-1].startswith("2/3 search: 4 of 10 candidates done (40 %)")
    assert lines[-1].endswith("best 0.500")


@pytest.mark.parametrize(
    ("share", "told"), [(0.0, "from the linear path alone"), (0.25, "plus 0.25 times the network")]
)
def test_how_a_prediction_is_made(share: float, told: str) -> None:
    assert told in mixture(share)


def test_no_accuracy_is_predicted_above_100_percent() -> None:
    values = np.array([-1.0, 50.0, 101.0])
    assert possible(values, ["s/d/scratch/top1_pct"] * 3).tolist() == [0.0, 50.0, 100.0]
    assert possible(values, ["s/d/scratch/nll"] * 3).tolist() == [-1.0, 50.0, 101.0]

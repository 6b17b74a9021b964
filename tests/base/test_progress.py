"""Progress in a log: few lines, right figures, every item passed on; on a terminal a bar, unless no one wants one."""

import io
import logging
from collections.abc import Iterator
from itertools import pairwise

import pytest

from autoprox.base import progress as module
from autoprox.base.logs import levels
from autoprox.base.progress import BAR, FIRST_LINE_S, LOGGER, LONGEST_PAUSE_S, Milestones, progress, with_progress


class Clock:
    """Advances by the same number of seconds with every look at it."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 100.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, logger=LOGGER.name):
        yield caplog


def count(total: int | None, step: float, upto: int, done: int = 0) -> None:
    reach = Milestones(total, "training", done, Clock(step))
    for number in range(done + 1, upto + 1):
        reach(number)


def test_short_work_is_silent(heard: pytest.LogCaptureFixture) -> None:
    count(5, (FIRST_LINE_S - 1) / 5, 5)
    assert heard.records == []


def test_lines_tell_what_is_done_and_what_is_left(heard: pytest.LogCaptureFixture) -> None:
    count(100, 12.0, 51, done=50)
    (record,) = heard.records
    assert record.getMessage() == "51 of 100 trainings done (51 %), about 0:09:48 left"  # 49 more at 12 s
    assert record.progress == {"done": 51, "total": 100, "unit": "training", "seconds_left": 588}


def test_the_first_of_many_says_nothing_of_the_rest(heard: pytest.LogCaptureFixture) -> None:
    count(1000, 12.0, 1)
    (record,) = heard.records
    assert record.getMessage() == "1 of 1000 trainings done (0 %)"
    assert record.progress == {"done": 1, "total": 1000, "unit": "training"}


def test_without_a_total_nothing_is_said_of_the_rest(heard: pytest.LogCaptureFixture) -> None:
    reach = Milestones(None, "candidate", 0, Clock(12.0))
    reach(7, "best 0.712")
    (record,) = heard.records
    assert record.getMessage() == "7 candidates done; best 0.712"
    assert record.progress == {"done": 7, "unit": "candidate"}


def test_pauses_grow_to_five_minutes(heard: pytest.LogCaptureFixture) -> None:
    count(2000, 1.0, 2000)
    done = [record.progress["done"] for record in heard.records]
    pauses = [later - earlier for earlier, later in pairwise(done)]
    assert pauses[:5] == [20, 40, 80, 160, 300]
    assert set(pauses[5:]) == {int(LONGEST_PAUSE_S)}


def test_nothing_is_written_where_there_is_no_terminal_and_little_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(with_progress(iter("ab"), 2, "letter")) == ["a", "b"]
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("level", "drawn"), [(BAR, True), (logging.INFO, False), (logging.ERROR, False)])
def test_a_terminal_gets_a_bar_where_bars_are_wanted(level, drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(module.sys, "stderr", terminal)
    with levels(level, LOGGER.name):
        assert list(with_progress(iter("abc"), 3, "letter")) == ["a", "b", "c"]
        with progress(None, "candidate") as reach:
            reach(5, "best 0.5")
    assert ("letters" in terminal.getvalue()) is drawn

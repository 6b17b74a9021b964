"""Progress in a log: few lines, right figures, every item passed on; on a terminal a bar, unless no one wants one."""

import io
import logging
from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm

from autoprox.base import progress as module
from autoprox.base.logs import levels
from autoprox.base.progress import BAR, FIRST_LINE_S, LOGGER, LONGEST_PAUSE_S, Milestones, Pace, progress, with_progress


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
    count(100, 12.0, 53, done=50)
    first, second = heard.records
    assert first.getMessage() == "51 of 100 trainings done (51 %)"
    assert second.getMessage() == "53 of 100 trainings done (53 %)"
    heard.clear()
    count(100, 12.0, 54, done=51)
    count(100, 80.0, 52, done=50)
    assert heard.records[-1].getMessage() == "52 of 100 trainings done (52 %), about 1:04:00 left"  # 48 at 80 s
    assert heard.records[-1].progress == {"done": 52, "total": 100, "unit": "training", "seconds_left": 3840}


def left_after(total: int, seconds: list[float]) -> list[float | None]:
    """The time left stated after each item, if the items take these times."""
    pace, now, stated = Pace(total), 7.0, []
    for number, taken in enumerate(seconds, start=1):
        now += taken
        stated.append(pace.seconds_left(number, now))
    return stated


def test_a_slow_start_does_not_count() -> None:
    """A search of 48 networks: the first took 60 s with imports, each other 4.5 s."""
    stated = left_after(48, [60.0] + [4.5] * 47)
    assert stated[:3] == [None, None, None]
    assert stated[3:] == [pytest.approx(4.5 * (48 - done)) for done in range(4, 49)]


def test_nothing_is_stated_before_a_few_items_and_seconds() -> None:
    assert left_after(1000, [0.1] * 50) == [None] * 50  # 4.9 s
    assert left_after(1000, [0.1] * 60)[-1] == pytest.approx(94.0)
    assert left_after(10, [20.0] * 3) == [None] * 3
    assert left_after(10, [90.0] * 2) == [None, 720.0]  # one slow item is enough


@given(st.integers(8, 60), st.floats(0.0, 1e4), st.floats(2.0, 1e3), st.floats(2.0, 1e3))
def test_the_rate_is_of_the_latest_half(count: int, start: float, early: float, late: float) -> None:
    """After as many items of the new rate as of the old, the old rate has no influence."""
    stated = left_after(3 * count, [start] + [early] * count + [late] * count)
    assert stated[count] == pytest.approx(early * (2 * count - 1))
    assert stated[-1] == pytest.approx(late * (count - 1))


def test_repeated_reports_are_harmless() -> None:
    pace = Pace(10)
    assert [pace.seconds_left(1, float(now)) for now in range(100)] == [None] * 100
    assert pace.seconds_left(2, 200.0) == pytest.approx(8 * (200.0 - 0.0))


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


def test_a_bar_states_no_time_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, clock = Terminal(), Clock(5.0)
    monkeypatch.setattr(module.sys, "stderr", terminal)
    monkeypatch.setattr(module.time, "monotonic", clock)
    monkeypatch.setattr(module, "tqdm", partial(tqdm, mininterval=0.0, miniters=1))  # draws each report
    with levels(BAR, LOGGER.name), progress(20, "letter", name="2/3 search") as reach:
        for number in range(1, 7):
            clock.now += 100.0 if number == 1 else 0.0
            reach(number, "best 0.5")
            lines = terminal.getvalue().split("\r")
            assert ("left" in lines[-1]) is (number >= 4), lines
    assert "left, best 0.5" in terminal.getvalue()

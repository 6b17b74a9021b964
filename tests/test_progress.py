"""Progress in a log: few lines, right figures, and every item passed on."""

import io
from itertools import pairwise

from autoprox.progress import FIRST_LINE_S, LONGEST_PAUSE_S, log_lines, with_progress


class Clock:
    """Advances by the same number of seconds with every item."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 100.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def lines(total: int, step: float, done: int = 0) -> list[str]:
    stream = io.StringIO()
    items = list(range(total - done))
    assert list(log_lines(items, total, "training", done=done, stream=stream, clock=Clock(step))) == items
    return stream.getvalue().splitlines()


def test_short_work_is_silent() -> None:
    assert lines(5, (FIRST_LINE_S - 1) / 5) == []


def test_lines_tell_what_is_done_and_what_is_left() -> None:
    first = lines(100, 12.0, done=50)[0]
    assert first == "autoprox: 51 of 100 trainings done (51 %), about 0:09:48 left"  # 49 more at 12 s


def test_pauses_grow_to_five_minutes() -> None:
    found = lines(2000, 1.0)
    done = [int(line.split()[1]) for line in found]
    pauses = [later - earlier for earlier, later in pairwise(done)]
    assert pauses[:5] == [20, 40, 80, 160, 300]
    assert set(pauses[5:]) == {int(LONGEST_PAUSE_S)}
    assert "left" in found[-1]


def test_nothing_is_written_where_there_is_no_terminal_and_little_to_do(capsys: object) -> None:
    assert list(with_progress(iter("ab"), 2, "letter")) == ["a", "b"]
    assert capsys.readouterr().err == ""  # type: ignore[attr-defined]

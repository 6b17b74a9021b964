"""Interrupts before, during and after the work of a command."""

import signal
import subprocess
import sys
import time

import pytest

from autoprox.base import interrupts
from autoprox.base.interrupts import raised_interrupts

SLOW = {"typing", "contextlib", "re", "inspect", "dataclasses", "pathlib", "logging", "argparse", "collections.abc"}


def test_it_is_the_first_that_is_loaded_and_loads_next_to_nothing() -> None:
    """Python itself tells what it imports, each module when it is complete."""
    command = [sys.executable, "-S", "-X", "importtime", "-c", "import autoprox"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    order = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()]
    before = order[: order.index("autoprox.base.interrupts")]
    assert not set(before) & SLOW
    assert [each for each in before if each.startswith("autoprox")] == ["autoprox.base"]
    assert "typing" in order  # the test would not see it otherwise


class Interrupted:
    """An object during whose destruction an interrupt arrives."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def destroy_and_work() -> None:
    doomed = Interrupted()
    del doomed
    time.sleep(10)


def test_an_interrupt_of_a_destructor_is_neither_lost_nor_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.signal(signal.SIGINT, interrupts._leave)  # as in a command
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    try:
        with pytest.raises(KeyboardInterrupt), raised_interrupts():
            destroy_and_work()
        assert sys.unraisablehook is sys.__unraisablehook__
    finally:
        signal.signal(signal.SIGINT, before)
    assert capfd.readouterr() == ("", "")


def test_other_errors_of_a_destructor_are_printed_as_ever(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Faulty:
        def __del__(self) -> None:
            raise ValueError("of a destructor")

    before = signal.signal(signal.SIGINT, interrupts._leave)
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    try:
        with raised_interrupts():
            doomed = Faulty()
            del doomed
    finally:
        signal.signal(signal.SIGINT, before)
    assert "ValueError: of a destructor" in capfd.readouterr().err

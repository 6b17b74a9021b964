"""Processes of this machine: they end with the one that started them, and Ctrl-C is for that one alone."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parallel.sessions import alive, ended, leading, wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="sessions are read from /proc")

PROGRAM = """
import sys, time
from pathlib import Path
from joblib import delayed
from autoprox.base.workers import processes

def work(place):
    place.touch()
    time.sleep(100)

if __name__ == "__main__":
    try:
        processes(2)(delayed(work)(Path(sys.argv[1]) / str(number)) for number in range(4))
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\\n")
        sys.exit(130)
"""

TRACKERS = 2
"""Processes that joblib and Python start beside workers."""


@pytest.fixture
def program(tmp_path: Path) -> subprocess.Popen[str]:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    with ended(leading([sys.executable, str(script), str(tmp_path)])) as child:
        yield child


def starting(session: int, _: Path) -> bool:
    """True if there is a process besides the first and the trackers."""
    return len(alive(session)) > 1 + TRACKERS


def working(_: int, folder: Path) -> bool:
    return (folder / "0").exists() and (folder / "1").exists()


@pytest.mark.parametrize("moment", [starting, working])
@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_the_parent(
    program: subprocess.Popen[str], tmp_path: Path, ended_by: int, moment: Callable[[int, Path], bool]
) -> None:
    wait_until(lambda: moment(program.pid, tmp_path))
    program.send_signal(ended_by)
    assert program.wait(60) == -ended_by
    wait_until(lambda: not alive(program.pid))


@pytest.mark.parametrize("moment", [starting, working])
def test_an_interrupt_of_all_is_heard_by_one(
    program: subprocess.Popen[str], tmp_path: Path, moment: Callable[[int, Path], bool]
) -> None:
    wait_until(lambda: moment(program.pid, tmp_path))
    os.killpg(program.pid, signal.SIGINT)
    _, said = program.communicate(timeout=60)
    assert (program.returncode, said) == (130, "interrupted\n")
    wait_until(lambda: not alive(program.pid))


def test_an_interrupt_while_a_command_loads_is_one_line() -> None:
    """Python itself says what it imports: the interrupt comes when much is, and the command has not started."""
    with ended(leading([sys.executable, "-X", "importtime", "-m", "autoprox.evolve"])) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if line.split("|")[-1].strip() == "autoprox.base.digest":
                break
        os.killpg(child.pid, signal.SIGINT)
        said = [line for line in child.communicate(timeout=60)[1].splitlines() if not line.startswith("import time:")]
    assert child.returncode == 130
    assert said == ["autoprox: Interrupted. No work was in progress."]


def test_programs_that_import_autoprox_keep_their_interrupts() -> None:
    check = "import signal; before = signal.getsignal(2); import autoprox; print(signal.getsignal(2) is before)"
    found = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True)
    assert found.stdout == "True\n"


def test_a_worker_whose_parent_is_gone_before_it_begins_ends() -> None:
    """First task of a worker, given a process that is not its parent."""
    program = "import time; from autoprox.base import workers; workers._begin(0); time.sleep(100)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 1

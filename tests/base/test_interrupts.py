"""Until autoprox hears interrupts, they are Python's: that time is kept short."""

import subprocess
import sys

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

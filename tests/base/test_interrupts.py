"""Until autoprox hears interrupts, they are Python's: that time is kept short."""

import subprocess
import sys

LISTED = """
import sys
before = set(sys.modules)
import autoprox.base.interrupts
print(*sorted(set(sys.modules) - before))
"""
SLOW = {"typing", "contextlib", "re", "inspect", "dataclasses", "pathlib", "logging", "argparse"}


def test_it_is_the_first_that_is_loaded_and_loads_next_to_nothing() -> None:
    """What `autoprox/__init__.py` and the module import before interrupts are expected."""
    done = subprocess.run([sys.executable, "-S", "-c", LISTED], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "autoprox.base.interrupts" in loaded
    assert not loaded & SLOW
    assert {each for each in loaded if each.startswith("autoprox")} == {
        "autoprox",
        "autoprox.base",
        "autoprox.base.interrupts",
    }

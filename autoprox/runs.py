"""`autoprox.runs.load(DIR)`: runs of `autoprox.evolve` as frames; `python -m autoprox.runs` lists them."""

import sys

from autoprox.commands import main
from autoprox.evolve.runs import Run, find, load

__all__ = ["Run", "find", "load"]

if __name__ == "__main__":
    sys.exit(main(["runs", *sys.argv[1:]]))

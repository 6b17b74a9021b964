"""`python -m autoprox.evolve` is `autoprox evolve`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main(["evolve", *sys.argv[1:]]))

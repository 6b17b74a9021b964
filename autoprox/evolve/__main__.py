"""`python -m autoprox.evolve`."""

import sys

from autoprox.commands.evolve import main

if __name__ == "__main__":
    sys.exit(main())

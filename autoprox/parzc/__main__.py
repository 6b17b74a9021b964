"""`python -m autoprox.parzc`."""

import sys

from autoprox.commands.parzc import main

if __name__ == "__main__":
    sys.exit(main())

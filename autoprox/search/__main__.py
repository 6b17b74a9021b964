"""`python -m autoprox.search`."""

import sys

from autoprox.commands.search import main

if __name__ == "__main__":
    sys.exit(main())

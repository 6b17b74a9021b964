"""`python -m autoprox.bench`."""

import sys

from autoprox.commands.bench import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m autoprox.evaluate`."""

import sys

from autoprox.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main())

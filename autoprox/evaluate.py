"""`python -m autoprox.evaluate` is `autoprox evaluate`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))

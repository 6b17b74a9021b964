"""`python -m autoprox.regression` is `autoprox regression`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main(["regression", *sys.argv[1:]]))

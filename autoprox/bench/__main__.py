"""`python -m autoprox.bench` is `autoprox bench`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main(["bench", *sys.argv[1:]]))

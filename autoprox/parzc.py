"""`python -m autoprox.parzc` is `autoprox parzc`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main(["parzc", *sys.argv[1:]]))

"""`python -m autoprox.device` is `autoprox device`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main(["device", *sys.argv[1:]]))

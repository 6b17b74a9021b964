"""`python -m autoprox.compress` is `autoprox compress`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main(["compress", *sys.argv[1:]]))

"""`python -m autoprox.show` is `autoprox show`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main(["show", *sys.argv[1:]]))

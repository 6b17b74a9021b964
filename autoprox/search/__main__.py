"""`python -m autoprox.search` is `autoprox search`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main(["search", *sys.argv[1:]]))

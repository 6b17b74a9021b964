"""`python -m autoprox.metapool` is `autoprox metapool`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main(["metapool", *sys.argv[1:]]))

"""`python -m autoprox.supernet` is `autoprox supernet`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main(["supernet", *sys.argv[1:]]))

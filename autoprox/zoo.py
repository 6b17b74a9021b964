"""`python -m autoprox.zoo` is `autoprox zoo`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main(["zoo", *sys.argv[1:]]))

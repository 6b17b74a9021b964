"""`python -m autoprox` is the console command `autoprox`."""

import sys

from autoprox.commands import main

if __name__ == "__main__":
    sys.exit(main())

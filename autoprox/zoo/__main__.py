"""`python -m autoprox.zoo`."""

import sys

from autoprox.commands.zoo import main

if __name__ == "__main__":
    sys.exit(main())

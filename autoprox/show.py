"""`python -m autoprox.show`."""

import sys

from autoprox.commands.show import main

if __name__ == "__main__":
    sys.exit(main())

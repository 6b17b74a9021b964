"""The commands, one module each; every one is a thin recipe over the layers below.

`python -m autoprox.evolve` and `autoprox evolve` reach the same module.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from autoprox.errors import suggestion

COMMANDS = {
    "bench": "build and inspect benchmark tables",
    "evaluate": "judge proxies on a benchmark table",
    "evolve": "discover a proxy",
    "parzc": "fit a learned aggregator of node statistics, and judge it",
    "runs": "list and summarise runs",
    "search": "search a space with a scorer, without training",
    "show": "print, draw or export a proxy",
    "zoo": "list published proxies, or score them all on a benchmark table",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The console command `autoprox`: hands over to one of the commands."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in {"-h", "--help"}:
        lines = [f"  {name:10} {purpose}" for name, purpose in COMMANDS.items()]
        sys.stdout.write("\n".join(["usage: autoprox COMMAND [options]", "", "commands:", *lines]) + "\n")
        return 0
    if given[0] == "--version":
        sys.stdout.write(f"autoprox {version('autoprox')}\n")
        return 0
    if given[0] not in COMMANDS:
        sys.stderr.write(f"autoprox: error: Unknown command '{given[0]}'. {suggestion(given[0], COMMANDS)}\n")
        return 2
    return int(import_module(f"autoprox.commands.{given[0]}").main(given[1:]))

"""The commands, one module each: thin recipes over the layers below.

`autoprox evolve`, `python -m autoprox evolve` and `python -m autoprox.evolve` are the same. A module declares its
command as `COMMAND`, and is imported only when it runs: `autoprox --help` and misspelt names load nothing.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from autoprox.base.errors import SpecError, suggestion
from autoprox.commands.streams import with_tolerant_streams

if TYPE_CHECKING:
    from autoprox.commands.command import Command

__all__ = ["COMMANDS", "load_command", "main"]

COMMANDS = {
    "bench": "build, import, check and describe benchmark tables",
    "compress": "choose bits or ranks of a trained network under a budget",
    "completion": "print a script that completes command lines in a shell",
    "device": "measure a space on this machine, and fit a latency model",
    "evaluate": "judge proxies on a benchmark table",
    "evolve": "discover a proxy",
    "judge": "score the winner of a finished run on the sealed split",
    "metapool": "choose the pooling behind mixers while a network trains",
    "parzc": "fit a learned aggregator of node statistics, and judge it",
    "rank": "rank untrained models by a score, and show their costs",
    "regression": "fit a readable regression of accuracy, and explain it",
    "runs": "list and summarise runs, and write their reports",
    "search": "search a space with a scorer, without training",
    "show": "print, draw or export a proxy",
    "supernet": "train a weight-sharing network, and use its subnets",
    "zoo": "list published proxies, or score them all on a benchmark table",
}

_HELP = """usage: autoprox COMMAND [options]

Discovers zero-cost proxies for vision transformers: formulas that rank architectures without training them.

commands:
{commands}

options:
  -h, --help  show this help message and exit; autoprox COMMAND --help describes a command
  --version   show the version and exit

examples:
  autoprox evolve --budget 2000 --out runs/short
  autoprox evaluate --proxy runs/short snip params
  autoprox search --proxy runs/short --space pit-micro --max-params 50k

`python -m autoprox` is the same program, and `python -m autoprox.evolve` the same as `autoprox evolve`.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The console command `autoprox`: runs one of the commands and returns the exit status.

    Args:
        arguments: The name of a command and its arguments; those of the process if None.

    Raises:
        SystemExit: After the --help of a command.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    return with_tolerant_streams(lambda: _hand_over(given))


def _hand_over(given: list[str]) -> int:
    if not given or given[0] in {"-h", "--help"}:
        lines = [f"  {name:10}  {purpose}" for name, purpose in COMMANDS.items()]
        sys.stdout.write(_HELP.format(commands="\n".join(lines)))
        return 0
    if given[0] == "--version":
        sys.stdout.write(f"autoprox {version('autoprox')}\n")
        return 0
    from autoprox.commands.reporting import run_command

    name, *rest = given
    return run_command(name, rest, lambda: load_command(name).main(rest))


def load_command(name: str) -> "Command":
    """Imports the module of a command and returns the command.

    Raises:
        SpecError: If there is no such name; the message names the nearest one.

    Example:
        >>> load_command("show").parser().prog
        'autoprox show'
    """
    if name not in COMMANDS:
        raise SpecError(f"Unknown command '{name}'. {suggestion(name, COMMANDS)}")
    found: Command = import_module(f"autoprox.commands.{name}").COMMAND
    return found

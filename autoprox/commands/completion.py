"""`autoprox completion SHELL`: a script that completes command lines, made by shtab out of the parsers.

It is made once and kept, so that completing starts no Python.
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import shtab

from autoprox.base.parallel import BACKENDS
from autoprox.bench.schema import METRICS, LabelKind
from autoprox.bench.table import DEFAULT_TABLE
from autoprox.commands import COMMANDS, load_command
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.console import say
from autoprox.datasets import DATASETS
from autoprox.evolve import STRATEGIES
from autoprox.scorers import ZOO
from autoprox.shipped import names as shipped_names
from autoprox.spaces import SPACES
from autoprox.training.train import TRAINABLE

SHELLS = ("bash", "zsh", "fish")
"""Shells whose scripts are tested; shtab knows more."""

NAMES: Mapping[str, Iterable[str]] = {
    "backend": BACKENDS,
    "dataset": DATASETS,
    "datasets": DATASETS,
    "label_kind": LabelKind,
    "labels": TRAINABLE,
    "metric": METRICS,
    "names": ZOO,
    "space": SPACES,
    "spaces": SPACES,
    "strategy": STRATEGIES,
    "verify": DATASETS,
    "zoo": ZOO,
}
"""Options whose values are names, by what argparse calls them; other values may be allowed as well."""

NAMES_OR_FILES: Mapping[str, Iterable[str]] = {
    "bench": (DEFAULT_TABLE,),
    "proxy": (*shipped_names(), *ZOO),
    "table": (DEFAULT_TABLE,),
}
"""The same, where a file or a folder may be named instead."""

FILES = ("columns", "images", "model", "parzc")
"""Options that name files and are not read as paths."""


def root_parser() -> CommandParser:
    """One parser for all commands, whose modules are imported."""
    root = CommandParser(prog="autoprox", description="Discovers zero-cost proxies for vision transformers.")
    root.add_argument("--version", action="store_true", help="show the version and exit")
    commands = root.add_subparsers(dest="autoprox_command")
    for name, purpose in COMMANDS.items():
        found = load_command(name)
        parser = commands.add_parser(name, help=purpose, description=found.description, examples=found.examples)
        found.add_options(parser)
    return root


def actions_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All options and positional arguments of a parser and of the parts below it.

    Example:
        >>> "--weights" in {each for action in actions_of(root_parser()) for each in action.option_strings}
        True
    """
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for part in action.choices.values():
                yield from actions_of(part)


def script(shell: str) -> str:
    """The script for a shell.

    Args:
        shell: One of `SHELLS`.
    """
    root = root_parser()
    for action in actions_of(root):
        _teach(action)
    return str(shtab.complete(root, shell))


def _teach(action: argparse.Action) -> None:
    """Tells shtab what values an argument has; those with choices it knows."""
    if action.choices is not None or action.nargs == 0:
        return
    if action.dest in NAMES:
        action.choices = list(NAMES[action.dest])
    elif action.dest in NAMES_OR_FILES:
        action.complete = _names_or_files(action.dest, NAMES_OR_FILES[action.dest])  # type: ignore[attr-defined]
    elif action.metavar == "DIR":
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif action.type is Path or action.dest in FILES:
        action.complete = shtab.FILE  # type: ignore[attr-defined]


def _names_or_files(dest: str, names: Iterable[str]) -> dict[str, str | dict[str, str]]:
    """Names, then files, in the three languages: the name of a function, and the function."""
    function, words = f"_autoprox_{dest}_or_file", " ".join(names)
    return {
        **dict.fromkeys(("bash", "zsh"), function),
        "fish": f"({function})",
        "preamble": {
            "bash": f'{function}() {{\n  compgen -W "{words}" -- "$1"\n  compgen -f -- "$1"\n}}',
            "zsh": f"{function}() {{\n  compadd -- {words}\n  _files\n}}",
            "fish": f"function {function}\n  string split ' ' '{words}'\n  __fish_complete_path (commandline -ct)\nend",
        },
    }


def _add_options(options: CommandParser) -> None:
    options.add_argument("shell", choices=SHELLS, help="the shell that reads it")


def _completion(options: argparse.Namespace) -> int:
    say(script(options.shell))
    return 0


COMMAND = Command(
    "completion",
    "Prints a script that completes commands, options, and the names of proxies, spaces, data sets and strategies. "
    "Keep it where the shell looks: bash in ~/.local/share/bash-completion/completions/autoprox, zsh as _autoprox in a "
    "folder of $fpath, fish in ~/.config/fish/completions/autoprox.fish.",
    ("completion bash", "completion zsh", "completion fish"),
    _add_options,
    _completion,
)

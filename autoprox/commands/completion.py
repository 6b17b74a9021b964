"""`autoprox completion SHELL`: a script that completes command lines, made by shtab out of the parsers.

It is made once and kept, so that completing starts no Python.
"""

import argparse
from collections.abc import Iterable, Iterator

import shtab

from autoprox.base.digest import text_digest
from autoprox.commands import COMMANDS, load_command
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.console import say
from autoprox.commands.values import Completion

SHELLS = ("bash", "zsh", "fish")
"""Shells whose scripts are tested; shtab knows more."""


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
    """Tells shtab what values an argument has, as its type declares; those with choices it knows."""
    if action.choices is not None or action.nargs == 0:
        return
    offered: Completion = getattr(action.type, "completion", Completion())
    if offered.names and offered.files:
        action.complete = _names_or_files(action.dest, offered.names)  # type: ignore[attr-defined]
    elif offered.names:
        action.choices = offered.names
    elif offered.folders:
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif offered.files:
        action.complete = shtab.FILE  # type: ignore[attr-defined]


def _names_or_files(dest: str, names: Iterable[str]) -> dict[str, str | dict[str, str]]:
    """Names, then files, in the three languages: the name of a function, and the function."""
    words = " ".join(names)
    # Options of one name may take other values in another command.
    function = f"_autoprox_{dest}_or_file_{text_digest(words)[:8]}"
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

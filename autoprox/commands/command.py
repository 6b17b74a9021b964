"""Definition of a command: name, options, examples, and a function that runs it."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from autoprox.base.errors import AutoproxError, SpecError, nearest
from autoprox.base.interrupts import raised_interrupts
from autoprox.commands.console import chosen_backend
from autoprox.commands.record import grouped, resumed
from autoprox.commands.reporting import add_flags

NEAR = 0.8
"""Similarity from which another option is suggested; most options share a few letters."""


class CommandParser(argparse.ArgumentParser):
    """Parser of a command or subcommand. A mistake gives a one-line error; --quiet and --log-json are accepted.

    Args:
        examples: Command lines without the program's name, one per line.
        settings: As for `argparse.ArgumentParser`.
    """

    def __init__(self, *, examples: Sequence[str] = (), **settings: Any) -> None:
        # Abbreviations would change their meaning with every new option.
        super().__init__(allow_abbrev=False, **settings)
        self.examples = tuple(examples)
        add_flags(self)

    def format_help(self) -> str:
        """The help, followed by the examples, which are not wrapped."""
        lines = [f"  autoprox {each}" for each in self.examples]
        return super().format_help() + ("\n".join(["", "examples:", *lines, ""]) if lines else "")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuses unknown options in each parser, and suggests the nearest known one."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = [each for each in self._option_string_actions if each.startswith("--")]
            hint = nearest(unknown[0].partition("=")[0], options, NEAR)
            self.error(f"unrecognized arguments: {' '.join(unknown)}. {hint}".rstrip())
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Refuses the command line.

        Raises:
            SpecError: With the message and a pointer to --help.
        """
        end = "" if message.endswith((".", "?")) else "."
        raise SpecError(f"{message}{end} See {self.prog} --help.")


_ARGUMENT = re.compile(r"`(\w+)`")


def option_names(parser: argparse.ArgumentParser, options: argparse.Namespace) -> dict[str, str]:
    """Options of a parser and of the chosen subcommand, by the attribute that stores their value.

    Example:
        >>> parser = CommandParser(prog="example")
        >>> _ = parser.add_argument("--max-params")
        >>> option_names(parser, parser.parse_args([]))["max_params"]
        '--max-params'
    """
    found: dict[str, str] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= option_names(action.choices[getattr(options, action.dest)], options)
        elif action.option_strings:
            found[action.dest] = next(each for each in action.option_strings if each.startswith("--"))
    return found


def with_options(message: str, names: Mapping[str, str]) -> str:
    """Replaces arguments in backticks by options in a message of the library.

    Args:
        message: The text.
        names: Options by argument; other arguments are left unchanged.

    Example:
        >>> with_options("`iso_seeds` must be at least 1, not 0.", {"iso_seeds": "--iso-seeds"})
        '--iso-seeds must be at least 1, not 0.'
    """
    return _ARGUMENT.sub(lambda found: names.get(found[1], found[0]), message)


def run_part(options: argparse.Namespace) -> int:
    """Runs the chosen subcommand, which its parser stores as the default of `run`."""
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


@dataclass(frozen=True)
class Command:
    """One of the commands of `autoprox`.

    Args:
        name: Name on the command line.
        description: Description in full sentences.
        examples: Command lines, without the name of the program.
        add_options: Adds its options to a parser.
        run: Runs the command with the parsed options; returns the exit status.
        arguments: Options by argument of the library, where the two have different names.
        default_out: Default folder of --out, for a command that resumes.
    """

    name: str
    description: str
    examples: tuple[str, ...]
    add_options: Callable[[CommandParser], None]
    run: Callable[[argparse.Namespace], int]
    arguments: Mapping[str, str] = field(default_factory=dict)
    default_out: Callable[[argparse.Namespace], str] | None = None

    def parser(self) -> CommandParser:
        """The parser of its options."""
        made = CommandParser(prog=f"autoprox {self.name}", description=self.description, examples=self.examples)
        self.add_options(made)
        return made

    def main(self, arguments: Sequence[str]) -> int:
        """Runs the command and returns its exit status. The options hold the whole command line as `words`.

        Raises:
            SystemExit: After --help.
            AutoproxError: If the options are invalid, or a requested file or name is missing.
        """
        parser = self.parser()
        if "--resume" in arguments and self.default_out is not None and "--out" not in grouped(arguments):
            arguments = [*arguments, "--out", self.default_out(parser.parse_args(arguments))]
        arguments = resumed(self.name, arguments)
        options = parser.parse_args(arguments)
        options.words = ["python", "-m", f"autoprox.{self.name}", *arguments]
        try:
            with raised_interrupts(), chosen_backend(options):
                return self.run(options)
        except AutoproxError as error:
            names = {**option_names(parser, options), **self.arguments}
            error.args = (with_options(str(error), names),)
            raise

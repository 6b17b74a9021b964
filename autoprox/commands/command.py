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
"""From which likeness on another option is what may have been meant; most options share a few letters."""


class CommandParser(argparse.ArgumentParser):
    """The parser of a command, or of a part of one: a mistake is one line, and --quiet and --log-json are known.

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
        """The help with the examples below it, which are not broken into lines."""
        lines = [f"  autoprox {each}" for each in self.examples]
        return super().format_help() + ("\n".join(["", "examples:", *lines, ""]) if lines else "")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Finds no unknown options: each parser refuses its own, and names the nearest known one."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = [each for each in self._option_string_actions if each.startswith("--")]
            hint = nearest(unknown[0].partition("=")[0], options, NEAR)
            self.error(f"unrecognized arguments: {' '.join(unknown)}. {hint}".rstrip())
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Refuses the command line.

        Raises:
            SpecError: With the message, and where to look.
        """
        end = "" if message.endswith((".", "?")) else "."
        raise SpecError(f"{message}{end} See {self.prog} --help.")


_ARGUMENT = re.compile(r"`(\w+)`")


def option_names(parser: argparse.ArgumentParser, options: argparse.Namespace) -> dict[str, str]:
    """The options of a parser, and of the part that was chosen, under the names of what they are stored as.

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
    """A message of the library, in which arguments stand in backticks, as the command line says it.

    Args:
        message: The text.
        names: The options that arguments are called by; other arguments stay as they are.

    Example:
        >>> with_options("`iso_seeds` must be at least 1, not 0.", {"iso_seeds": "--iso-seeds"})
        '--iso-seeds must be at least 1, not 0.'
    """
    return _ARGUMENT.sub(lambda found: names.get(found[1], found[0]), message)


def run_part(options: argparse.Namespace) -> int:
    """Runs the part of a command that the options name, which its parser has as the default of `run`."""
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


@dataclass(frozen=True)
class Command:
    """One of the commands of `autoprox`.

    Args:
        name: Its name.
        description: What it does, in sentences.
        examples: Command lines, without the name of the program.
        add_options: Adds its options to a parser.
        run: What it does with what was found; returns the exit status.
        arguments: For arguments of the library that are named otherwise than the options they come from, the options.
        default_out: For a command that resumes: the folder that it writes to if no --out is given.
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
        """Runs the command and returns its exit status; the options have the whole command as `words`.

        Raises:
            SystemExit: After --help.
            AutoproxError: If the options cannot be read, or something that was asked for is missing.
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

"""Types of option values: reading, checking, and completion in a shell.

An instance is the `type` of an option, so that one declaration covers all three.
"""

import argparse
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

LARGEST = 10**9
"""Largest whole number of an option without a stated bound."""


@dataclass(frozen=True)
class Completion:
    """Words, files and folders that a shell offers.

    Args:
        names: Words.
        files: Offers files as well if true.
        folders: Offers folders if true.
    """

    names: tuple[str, ...] = ()
    files: bool = False
    folders: bool = False


@dataclass(frozen=True)
class Whole:
    """A whole number within bounds.

    Args:
        least: Smallest allowed number.
        most: Largest allowed number.

    Example:
        >>> Whole(1)("20_000")
        20000
        >>> Whole(1)("0")
        Traceback (most recent call last):
        ...
        argparse.ArgumentTypeError: 0 is too small; give a whole number of at least 1
    """

    least: int = 0
    most: int = LARGEST
    completion: Completion = field(default=Completion(), init=False)

    def __call__(self, text: str) -> int:
        """Reads a number.

        Raises:
            argparse.ArgumentTypeError: If the text is not a whole number, or out of bounds.
        """
        try:
            value = int(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(
                f"'{text}' is not a whole number; give one of at least {self.least}"
            ) from error
        if value < self.least:
            raise argparse.ArgumentTypeError(f"{value} is too small; give a whole number of at least {self.least}")
        if value > self.most:
            raise argparse.ArgumentTypeError(f"{value} is too large; give a whole number of at most {self.most}")
        return value


@dataclass(frozen=True)
class Real:
    """A finite number within bounds.

    Args:
        least: The lower bound.
        above: Excludes the bound itself if true.

    Example:
        >>> Real(0)("0.5")
        0.5
        >>> Real(0, above=True)("0")
        Traceback (most recent call last):
        ...
        argparse.ArgumentTypeError: '0' is not allowed; give a finite number above 0
    """

    least: float
    above: bool = False
    completion: Completion = field(default=Completion(), init=False)

    def __call__(self, text: str) -> float:
        """Reads a number.

        Raises:
            argparse.ArgumentTypeError: If the text is not a finite number, or out of bounds.
        """
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < self.least or (self.above and value == self.least):
            bound = "above" if self.above else "of at least"
            raise argparse.ArgumentTypeError(f"'{text}' is not allowed; give a finite number {bound} {self.least:g}")
        return value


class Text:
    """Any non-empty text; known names are offered, and others are allowed.

    Args:
        names: Words that a shell offers.
        files: Offers files as well if true.

    Example:
        >>> Text(["digits", "patches"]).completion.names
        ('digits', 'patches')
        >>> Text()("")
        Traceback (most recent call last):
        ...
        argparse.ArgumentTypeError: the value is empty; leave the option out, or give a value
    """

    def __init__(self, names: Iterable[str] = (), *, files: bool = False) -> None:
        self.completion = Completion(tuple(names), files=files)

    def __call__(self, text: str) -> str:
        """Reads a text.

        Raises:
            argparse.ArgumentTypeError: If it is empty.
        """
        _require_some(text)
        return text


LONGEST_PATH = 4096
"""Largest length of a path on common systems, in bytes."""

LONGEST_NAME = 255
"""Largest length of the name of a file or folder on common file systems, in bytes."""

SUFFIXES = 55
"""Bytes reserved in the name of a written file, since accompanying files append to it."""


class PathTo:
    """A path. An empty text, which would mean the current folder, is refused, and so are impossible paths.

    Args:
        folder: Expects a folder if true.
        written: Reserves room for accompanying names if true, since a command writes there.

    Example:
        >>> PathTo()("runs/best.json").name
        'best.json'
        >>> PathTo(written=True)("a" * 300)
        Traceback (most recent call last):
        ...
        argparse.ArgumentTypeError: a name in the path has 300 bytes, and at most 200 are allowed; give a shorter one
    """

    def __init__(self, *, folder: bool = False, written: bool = False) -> None:
        self.completion = Completion(files=not folder, folders=folder)
        self._longest = LONGEST_NAME - (SUFFIXES if written else 0)

    def __call__(self, text: str) -> Path:
        """Reads a path.

        Raises:
            argparse.ArgumentTypeError: If it is empty, holds a NUL character, or is longer than file systems allow.
        """
        _require_some(text)
        if "\0" in text:
            raise argparse.ArgumentTypeError("the path holds a NUL character; give another one")
        if (length := len(os.fsencode(text))) > LONGEST_PATH:
            raise argparse.ArgumentTypeError(
                f"the path has {length} bytes, and at most {LONGEST_PATH} are allowed; give a shorter one"
            )
        longest = max((len(os.fsencode(part)) for part in Path(text).parts), default=0)
        if longest > self._longest:
            raise argparse.ArgumentTypeError(
                f"a name in the path has {longest} bytes, and at most {self._longest} are allowed; give a shorter one"
            )
        return Path(text)


def _require_some(text: str) -> None:
    if not text.strip():
        raise argparse.ArgumentTypeError("the value is empty; leave the option out, or give a value")

"""The pages of the documentation, and the blocks of code in them."""

import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r"^(?P<mark><!-- not run: .+ -->\n)?```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^```$", re.M | re.S)
_MODULE = re.compile(r"autoprox\.(\w+)")


class Block(NamedTuple):
    """A block of code.

    Attributes:
        line: Its first line in the page.
        language: As its fence says.
        code: Its content.
        run: True if it can be run; otherwise its page gives the reason.
    """

    line: int
    language: str
    code: str
    run: bool


def pages() -> list[Path]:
    """All hand-written pages, and the pages at the root."""
    written = [path for path in sorted(DOCS.rglob("*.md")) if "_build" not in path.parts]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *written]


def named(path: Path) -> str:
    """Name of a page, for tests."""
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path) -> Iterator[Block]:
    """The blocks of code of a page."""
    text = path.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(line, found["language"], found["code"], found["mark"] is None)


def command_lines(code: str) -> Iterator[list[str]]:
    """Arguments that a block of shell gives to autoprox: for each call the name of the command and its arguments.

    Example:
        >>> list(command_lines("pip install x && python -m autoprox.zoo --json  # all\\nautoprox show snip"))
        [['zoo', '--json'], ['show', 'snip']]
    """
    for line in code.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, "&&"]:
            if set(word) <= set("&|;"):
                yield from _call(words)
                words = []
            else:
                words.append(word)


def _call(words: list[str]) -> Iterator[list[str]]:
    if words[:1] == ["autoprox"]:
        yield words[1:]
    elif words[1:2] == ["-m"] and (module := _MODULE.fullmatch(words[2])):
        yield [module[1], *words[3:]]


def script(path: Path) -> ModuleType:
    """A script as a module."""
    specification = importlib.util.spec_from_file_location(f"script_{path.stem}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module

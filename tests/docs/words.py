"""Words that the project does not use, and collection of its text: docstrings, comments, messages, and pages.

Kept short on purpose. A line of `BANNED` is a phrase as a regular expression and what to write instead.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

BANNED = {
    r"\banew\b": "again",
    r"\bbegun\b": "started",
    r"\b(go|goes|going|gone|went) on with\b": "resume, continue",
    r"\bat hand\b": "cached, available, known",
    r"\bdear(er|est)?\b": "expensive",
    r"\bstands? beside\b": "is shown with, accompanies",
    r"\bof (one's|a user's) own\b": "your, custom, separate",
    r"\bis none\b": "is not a; there is no",
    r"\bnobody\b": "no one; name the thing itself",
    r"\banybody\b": "anyone",
    r"\bin vain\b": "without a result",
    r"\bnot to be had\b": "unavailable, missing",
    r"\bto be had\b": "available",
    r"\bworth something\b": "useful, reliable",
    r"\bsurely\b": "significantly",
    r"\bhalf a dozen\b": "six",
    r"\bof yours\b": "your",
    r"\bone and the same\b": "the same",
    r"\b(is|are|was|were) asked for\b": "requested",
    r"\bbut for\b": "except for",
    r"\bto the last bit\b": "bit-identical, bit by bit",
    r"\b(go|goes|going|went) on (after|as|from|where)\b": "resume, continue",
    r"\bstays? as (it|they)\b": "is unchanged",
    r"\bpays? no heed\b": "ignores",
    r"\bfor want of\b|\bwant of (memory|time)\b": "lack of, too little",
    r"(?<!here )\bis no (?!longer|(?:more|less|larger|smaller|better|higher|lower|worse)\b|one\b)\w+": ("is not a"),
    r"\b(one (?!on\b)\w+|one|once|twice|two|three|\d+|folder|row|column|value|number) a "
    r"(class|line|layer|stage|space|source|process|file|network|architecture|row|image|commit|block|channel|node)\b": (
        "per, each"
    ),
}
_CLAUSES = "What|Whatever|Whether|How|Which|Where|Whose|Those|That"
OPENERS = {"docstring": rf"^({_CLAUSES})\b", "entry": rf"^({_CLAUSES}|Of)\b"}
"""Forbidden first words of docstrings and of their entries; start with a noun of the field or a verb."""

_ENTRY = re.compile(r"^\s+\*{0,2}[\w.]+: +(\S.*)$")
# A line of Args, Attributes, Raises or Returns with a name.


class Text(NamedTuple):
    """A piece of text.

    Attributes:
        path: Its file.
        line: Its first line.
        kind: `docstring`, `entry` (of a docstring's Args or Attributes), `comment`, `string` or `page`.
        text: Its words on one line.
    """

    path: Path
    line: int
    kind: str
    text: str


def texts(path: Path) -> Iterator[Text]:
    """The texts of a Python file, a page or a template."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from _python(path, source)
    else:
        outside = re.sub(
            r"```.*?```|`[^`\n]*`|\{[%{].*?[%}]\}", lambda found: "\n" * found[0].count("\n"), source, flags=re.S
        )
        for number, line in enumerate(outside.splitlines(), start=1):
            if line.strip():
                yield Text(path, number, "page", line.strip())


def _python(path: Path, source: str) -> Iterator[Text]:
    tree = ast.parse(source)
    documented = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                documented.add(node.body[0].lineno)
                yield Text(path, node.body[0].lineno, "docstring", _words(text))
                for line, said in enumerate(text.splitlines(), start=node.body[0].lineno):
                    if entry := _ENTRY.match(said):
                        yield Text(path, line, "entry", entry[1])
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Text(path, token.start[0], "comment", token.string.lstrip("# "))
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Constant) and node.lineno not in documented else None
        if isinstance(value, str) and " " in value:
            yield Text(path, node.lineno, "string", _words(value))


def _words(text: str) -> str:
    """Text without examples and code."""
    prose = re.sub(r"^\s*(>>>|\.\.\.).*$", "", text, flags=re.M)
    return " ".join(re.sub(r"`[^`]*`", "`code`", prose).split())


def faults(text: Text) -> Iterator[str]:
    """Phrases to replace in a text, with their replacement."""
    for phrase, instead in () if text.kind == "entry" else BANNED.items():
        for found in re.finditer(phrase, text.text):
            yield f"{text.path}:{text.line}: '{found[0]}' in a {text.kind}; write: {instead}"
    if text.kind in OPENERS and re.match(OPENERS[text.kind], text.text):
        yield f"{text.path}:{text.line}: {text.kind} starts with '{text.text.split()[0]}'; start with a noun or verb"

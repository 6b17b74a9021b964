"""All text of the project keeps to its word list."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, pages
from tests.docs.words import BANNED, Text, faults, texts

FOLDERS = ("autoprox", "benchmarks", "docs", "notebooks", "tests")
LIST = ROOT / "tests" / "docs" / "words.py"
FILES = sorted(
    {path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    | set((ROOT / "autoprox").rglob("*.html"))
    | {*pages(), ROOT / "CHANGELOG.md"}
)


@pytest.mark.parametrize("folder", [*FOLDERS, "."])
def test_no_text_uses_a_banned_phrase(folder: str) -> None:
    chosen = [
        path for path in FILES if path not in (LIST, Path(__file__)) and path.relative_to(ROOT).parts[:1] == (folder,)
    ]
    if folder == ".":
        chosen = [path for path in FILES if path.parent == ROOT]
    assert [fault for path in chosen for text in texts(path) for fault in faults(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "computed anew",
        "what is not to be had",
        "a kernel of one's own",
        "it is none of these",
        "surely more",
        "goes on with the run",
        "a module of yours",
        "the file is no journal",
        "one file a source",
        "the same to the last bit",
        "it stays as it was",
        "goes on after a kill",
    ],
)
def test_a_banned_phrase_is_found(text: str) -> None:
    assert list(faults(Text(Path("a.md"), 1, "page", text)))


@pytest.mark.parametrize("text", ["What a command is.", "Whether it runs.", "How often it runs."])
def test_an_opener_is_found_in_docstrings_and_their_entries_alone(text: str, tmp_path: Path) -> None:
    assert list(faults(Text(Path("a.py"), 1, "docstring", text)))
    assert not list(faults(Text(Path("a.md"), 1, "page", text)))
    module = tmp_path / "a.py"
    module.write_text(f'"""A module.\n\nArgs:\n    command: {text}\n"""\n')
    assert [each for part in texts(module) for each in faults(part)] == [
        f"{module}:4: entry starts with '{text.split()[0]}'; start with a noun or verb"
    ]
    assert BANNED

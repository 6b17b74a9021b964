"""The files of docs/howto/space.md, in a separate folder: a space, and its laws as a user's tests."""

import ast
from pathlib import Path

import pytest

from autoprox.testing import AllLaws
from tests.docs.pages import DOCS, blocks
from tests.interpreters import Interpreter

QUICK = (
    *("read_back", "one_gene_away", "children", "refused_with_sentences", "of_the_network", "run_and_learn"),
    *("seed_alone", "taken_or_undefined", "add_up", "says_what_is_missing", "is_forgotten", "one_score"),
)
PAGE = DOCS / "howto" / "space.md"


def block(beginning: str) -> str:
    """The code of the page that starts with these words."""
    return next(each.code for each in blocks(PAGE) if each.language == "python" and each.code.startswith(beginning))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_file.py").write_text(block("from torch import nn"), encoding="utf-8")
    (tmp_path / "test_my_file.py").write_text(block("from autoprox.testing import AllLaws"), encoding="utf-8")
    return tmp_path


def pytest_there(python: Interpreter, folder: Path, *options: str) -> tuple[int, str]:
    """Exit status and output of the tests in the folder."""
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_file.py", *options]
    done = python.run(command, cwd=folder)
    return done.wait(), "".join(done.communicate())


def test_the_files_are_as_short_as_the_page_says(folder: Path) -> None:
    code = (folder / "my_file.py").read_text(encoding="utf-8")
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 32
    assert len((folder / "test_my_file.py").read_text(encoding="utf-8").splitlines()) <= 8
    names = {each.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import) for each in node.names}
    assert names == {"autoprox"}


def test_a_user_inherits_every_law(python: Interpreter, folder: Path) -> None:
    listed = pytest_there(python, folder, "--collect-only")[1].splitlines()
    assert sorted(line.rpartition("::")[2] for line in listed if "::" in line) == AllLaws.laws()


def test_the_laws_hold_there(python: Interpreter, folder: Path) -> None:
    """Quick laws of each part; tests/conformance checks all of them on this space."""
    status, said = pytest_there(python, folder, "-k", " or ".join(QUICK))
    assert status == 0, said
    assert int(said.splitlines()[-1].split()[0]) >= len(QUICK)


def test_a_law_that_is_broken_fails_there(python: Interpreter, folder: Path) -> None:
    """A space that draws parameters from a separate generator does not depend on its seed alone."""
    code = (folder / "my_file.py").read_text(encoding="utf-8")
    wrong = code.replace(
        "    return nn.Sequential(*layers,", "    layers.append(Unseeded())\n    return nn.Sequential(*layers,"
    )
    wrong = wrong.replace(
        "def build(",
        "class Unseeded(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.bias = nn.Parameter(torch.randn(1, generator=GENERATOR))\n\n"
        "    def forward(self, x):\n        return x + self.bias\n\n\ndef build(",
    )
    (folder / "my_file.py").write_text(f"import torch\n{wrong}\nGENERATOR = torch.Generator()\n", encoding="utf-8")
    status, said = pytest_there(python, folder, "-k", "parameters_depend")
    assert status == 1, said
    assert "1 failed" in said

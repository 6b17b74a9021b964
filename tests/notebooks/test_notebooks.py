"""The notebooks: stripped, one with their twins, on public names alone, and they run without a word on stderr."""

import ast
from pathlib import Path

import pytest

from autoprox.bench.sealed import sealed_count
from autoprox.bench.table import Table

REASON = 'needs pip install -c constraints.txt -e ".[notebooks]"'
nbformat = pytest.importorskip("nbformat", reason=REASON)
jupytext = pytest.importorskip("jupytext", reason=REASON)
nbclient = pytest.importorskip("nbclient", reason=REASON)

FOLDER = Path(__file__).parents[2] / "notebooks"
NAMES = ["01_discover", "02_anatomy", "03_parzc", "04_your_own_vit", "05_your_own_space", "06_supernet", "07_compress"]
EACH = pytest.mark.parametrize("name", NAMES)
TIMEOUT_S = 300


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tree_of(name):
    return ast.parse((FOLDER / f"{name}.py").read_text())


def test_every_notebook_is_here_with_its_twin():
    found = sorted(path.name for path in FOLDER.iterdir() if path.is_file())
    assert found == sorted(f"{name}.{suffix}" for name in NAMES for suffix in ("ipynb", "py"))


@EACH
def test_outputs_are_stripped(name):
    notebook = read(name)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"jupytext", "kernelspec"}
    for cell in code_of(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert set(cell.metadata) <= {"tags"}


@EACH
def test_twins_agree(name):
    twin, notebook = jupytext.read(FOLDER / f"{name}.py"), read(name)
    assert notebook.metadata.jupytext.formats == "ipynb,py:percent"
    contents = [
        [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in each.cells]
        for each in (twin, notebook)
    ]
    assert contents[0] == contents[1]


@EACH
def test_budgets_are_in_the_first_cell(name):
    first, *others = code_of(read(name))
    assert first.metadata.tags == ["parameters"]
    names = {node.id for node in ast.walk(ast.parse(first.source)) if isinstance(node, ast.Name)}
    assert names
    assert all(each.isupper() for each in names)
    assert not any("parameters" in each.metadata.get("tags", []) for each in others)
    stored = {
        node.id
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id.isupper()
    }
    assert stored == names


@EACH
def test_names_are_public(name):
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("autoprox"):
            named = [*node.module.split("."), *(alias.name for alias in node.names)]
            assert not any(each.startswith("_") for each in named), named
            assert "commands" not in named
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_"), ast.unparse(node)


@EACH
def test_it_runs_and_leaves_sealed_alone(name, tmp_path):
    notebook, table = read(name), Table.read()
    looks = sealed_count(table.digest)
    client = nbclient.NotebookClient(
        notebook, timeout=TIMEOUT_S, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [output for cell in code_of(notebook) for output in cell.outputs]
    said = [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    assert said == []
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    assert sealed_count(table.digest) == looks

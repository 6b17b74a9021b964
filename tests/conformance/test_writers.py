"""Every place in autoprox that writes a file writes it beside its place: by `atomically`, or for whoever calls it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import autoprox

ROOT = Path(autoprox.__file__).parent
WRITERS = {
    *("write_text", "write_bytes", "to_csv", "to_json", "to_parquet", "to_pickle", "write_table", "savefig"),
    *("save_file", "savez", "savez_compressed", "savetxt", "tofile", "imsave"),
}
"""What writes files: methods and functions by their names; besides, `open` for writing and `torch.save`."""

FOR_THEIR_CALLERS = {
    "base/files.py": {"json_writer"},
    "base/figures.py": {"write"},
    "commands/evolve.py": {"_write_csv"},
    "commands/search.py": {"_write_text"},
    "commands/searchfolder.py": {"contents_of"},
    "commands/searchfront.py": {"contents"},
    "supernet/_trained_supernet.py": {"supernet_files"},
}
"""Functions that write to the path that they are given: `atomically` and `OutFolder.finish` hand it to them."""

IN_MEMORY = {
    "graph/export/_drawing.py": {"_drawn"},
    "report/_svg.py": {"figure_svg"},
    "predict/parzc/_model_file.py": {"write_model"},
}
"""Functions that write into a buffer."""


def writes(node: ast.AST) -> bool:
    """True for a function that writes a file, called or passed on, or a call that opens a file for writing."""
    if isinstance(node, ast.Attribute) and node.attr in WRITERS:
        return True
    return isinstance(node, ast.Call) and _opens(node)


def _opens(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    modes = [
        each.value for each in (*call.args, *(word.value for word in call.keywords)) if isinstance(each, ast.Constant)
    ]
    if name == "open":
        return any(isinstance(mode, str) and set(mode) <= set("rwxab+t") and set(mode) & set("wxa+") for mode in modes)
    saves = isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") in {"torch", "np"}
    return name == "save" and saves


def sites(path: Path) -> Iterator[tuple[Any, list[ast.AST]]]:
    """Calls that write in a module, each with its surroundings, from the outside."""

    def below(node: ast.AST, around: list[ast.AST]) -> Iterator[tuple[Any, list[ast.AST]]]:
        if writes(node):
            yield node, around
        for child in ast.iter_child_nodes(node):
            yield from below(child, [*around, node])

    yield from below(ast.parse(path.read_text()), [])


def is_atomic(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "atomically"


def named_by_atomically(tree: ast.AST) -> set[str]:
    """Functions that a module hands to `atomically`."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and is_atomic(node)]
    return {each.id for call in calls for part in call.args for each in ast.walk(part) if isinstance(each, ast.Name)}


MODULES = {path.relative_to(ROOT).as_posix(): path for path in ROOT.rglob("*.py") if any(True for _ in sites(path))}


def test_there_are_writers() -> None:
    assert {"graph/_proxy.py", "bench/table_files.py", "datasets/batches.py"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_files_are_written_beside_their_places(module: str) -> None:
    handed = named_by_atomically(ast.parse(MODULES[module].read_text()))
    allowed = FOR_THEIR_CALLERS.get(module, set()) | IN_MEMORY.get(module, set()) | handed
    for call, around in sites(MODULES[module]):
        functions = {each.name for each in around if isinstance(each, ast.FunctionDef)}
        assert any(map(is_atomic, around)) or functions & allowed, f"{module}:{call.lineno} writes a file in its place"


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, each) for module, names in {**FOR_THEIR_CALLERS, **IN_MEMORY}.items() for each in names],
)
def test_exceptions_are_still_there(module: str, name: str) -> None:
    functions = {
        each.name for _, around in sites(ROOT / module) for each in around if isinstance(each, ast.FunctionDef)
    }
    assert name in functions

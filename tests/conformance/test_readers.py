"""Every place in autoprox that reads a file of others reads it through the guard of `base.foreign`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import autoprox

ROOT = Path(autoprox.__file__).parent
READERS = {"read_text", "read_bytes", "read_table", "load_file", "safe_open", "read_json", "read_arrays", "ZipFile"}
"""Functions and methods that read files, by name; besides, `open` for reading and `load` of these modules."""
LOADERS = {"torch", "np", "pickle", "json"}
GUARDS = {"reading", "guarded"}

FOR_THEIR_CALLERS = {
    "base/foreign.py": {"read_bytes", "read_json", "read_arrays"},
    "base/tensors.py": {"read_tensors"},
}
"""Functions that are called within the guard; the test looks at their callers."""

OTHERS = {
    "base/foreign.py": {"begins_with_format"},
    "commands/parzc.py": {"_fit", "_evaluate"},
    "commands/runs.py": {"_report"},
    "compress/embedded.py": {"trained_networks"},
    "datasets/_mnist5k.py": {"load_mnist5k"},
    "datasets/_patches.py": {"read_photograph"},
    "networks/latency.py": {"_processor"},
}
"""Functions that catch errors themselves, that read what comes with a package or the system, or that read once more
what the command itself wrote or read before."""


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def reads(node: ast.AST) -> bool:
    """True for a call that reads a file."""
    if not isinstance(node, ast.Call):
        return False
    name = name_of(node.func)
    owner = getattr(node.func.value, "id", "") if isinstance(node.func, ast.Attribute) else ""
    if name == "open":
        constants = (*node.args, *(word.value for word in node.keywords))
        modes = [each.value for each in constants if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        return owner in {"Image", "gzip"} or any(mode and set(mode) <= set("rbt") for mode in modes)
    callers = {name for names in FOR_THEIR_CALLERS.values() for name in names}
    return name in READERS | callers or (name == "load" and owner in LOADERS)


def is_guard(node: ast.AST) -> bool:
    calls = [item.context_expr for item in node.items] if isinstance(node, ast.With) else []
    return any(isinstance(each, ast.Call) and name_of(each.func) in GUARDS for each in calls)


def unguarded(tree: ast.AST) -> Iterator[tuple[ast.Call, set[str]]]:
    """Calls that read outside of the guard, and the functions around each."""

    def below(node: ast.AST, functions: set[str]) -> Iterator[tuple[ast.Call, set[str]]]:
        if is_guard(node):
            return
        if reads(node):
            assert isinstance(node, ast.Call)
            yield node, functions
        inside = functions | {node.name} if isinstance(node, ast.FunctionDef) else functions
        for child in ast.iter_child_nodes(node):
            yield from below(child, inside)

    yield from below(tree, set())


def test_files_of_others_are_read_through_the_guard() -> None:
    faults = []
    for path in sorted(ROOT.rglob("*.py")):
        module = path.relative_to(ROOT).as_posix()
        allowed = FOR_THEIR_CALLERS.get(module, set()) | OTHERS.get(module, set())
        found = unguarded(ast.parse(path.read_text(encoding="utf-8")))
        faults += [f"{module}:{call.lineno}" for call, functions in found if not functions & allowed]
    assert faults == []


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for part in (FOR_THEIR_CALLERS, OTHERS) for module in part for name in sorted(part[module])],
)
def test_exceptions_are_still_needed(module: str, name: str) -> None:
    found = unguarded(ast.parse((ROOT / module).read_text(encoding="utf-8")))
    assert any(name in functions for _, functions in found)


def test_a_reader_without_the_guard_is_found() -> None:
    guarded = "def f(p):\n    with reading(p, e):\n        return p.read_text()"
    assert list(unguarded(ast.parse(guarded))) == []
    for code in ("p.read_text()", "open(p, 'rb')", "Image.open(p)", "torch.load(p)", "read_tensors(p, names)"):
        assert len(list(unguarded(ast.parse(f"def f(p):\n    return {code}")))) == 1

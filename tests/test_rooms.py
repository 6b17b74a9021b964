"""The rooms of the package: what bears an underscore stays in its room, and one name means one thing."""

import ast
import importlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import autoprox
from autoprox.commands import COMMANDS

ROOT = Path(__file__).parents[1]
# Builders of the built-in spaces are named `module:function` in their definition, which is a public address.
NAMED_IN_DEFINITIONS = {"autoprox.networks.autoformer", "autoprox.networks.mixer", "autoprox.networks.pit"}
# What the parts of one registry have in common stands in a `base` beside them.
IN_SEVERAL_ROOMS = {"main", "base", *(name.rpartition(".")[2] for name in NAMED_IN_DEFINITIONS)}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(module: str) -> str:
    """`graph` of `autoprox.graph.export.python`; the first folder of a module outside the package."""
    first, *rest = module.split(".")
    return rest[0] if first == "autoprox" and rest else first


def _imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _users() -> dict[str, set[str]]:
    """Every module of the package and the modules of package, benchmarks and notebooks that import it."""
    modules = {_name(path) for path in (ROOT / "autoprox").rglob("*.py")}
    users: dict[str, set[str]] = defaultdict(set, {module: set() for module in modules})
    for folder in ("autoprox", "benchmarks", "notebooks"):
        for path in (ROOT / folder).rglob("*.py"):
            for module in _imported(ast.parse(path.read_text(encoding="utf-8"))) & modules:
                users[module].add(_name(path))
    return users


def _is_private(module: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in module.split("."))


def test_private_modules_stay_in_their_room():
    leaks = {
        module: outside
        for module, users in _users().items()
        if _is_private(module) and (outside := {user for user in users if _room(user) != _room(module)})
    }
    assert leaks == {}


def test_modules_that_only_their_room_imports_are_private():
    packages = {_name(path.parent / "__init__.py") for path in (ROOT / "autoprox").rglob("__init__.py")}
    public = {
        module
        for module, users in _users().items()
        if module not in packages
        and module.count(".") > 1
        and _room(module) != "commands"  # each is an entry point, loaded by the name of its command
        and not _is_private(module)
        and not module.endswith("__main__")
        and module not in NAMED_IN_DEFINITIONS
        and all(_room(user) == _room(module) for user in users)
    }
    assert public == set()


def _declared(tree: ast.Module) -> Iterator[str]:
    """Public classes and aliases of types: capitalised names that a module itself gives."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def _is_of_a_type(name: str) -> bool:
    return name[0].isupper() and not name.isupper()


def test_a_type_has_a_name_of_its_own():
    modules: dict[str, list[str]] = defaultdict(list)
    for path in (ROOT / "autoprox").rglob("*.py"):
        for name in filter(_is_of_a_type, _declared(ast.parse(path.read_text(encoding="utf-8")))):
            modules[name].append(_name(path))
    assert {name: found for name, found in modules.items() if len(found) > 1} == {}


def test_a_module_has_a_name_of_its_own():
    commands = {f"autoprox.commands.{command}" for command in COMMANDS}
    rooms: dict[str, set[str]] = defaultdict(set)
    for module in _users():
        if module.count(".") > 1 and module not in commands:
            rooms[module.rpartition(".")[2].strip("_")].add(_room(module))
    shared = {name: found for name, found in rooms.items() if len(found) > 1 and name not in IN_SEVERAL_ROOMS}
    assert shared == {}


def test_no_room_imports_the_front():
    """`autoprox` stands above all of its modules, where the contract of imports does not see it."""
    front = set(autoprox.__all__) | {"autoprox"}
    found = []
    for path in (ROOT / "autoprox").rglob("*.py"):
        if _name(path) == "autoprox":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import) and any(alias.name == "autoprox" for alias in node.names):
                found.append(_name(path))
            elif isinstance(node, ast.ImportFrom) and node.module == "autoprox":
                found += [_name(path) for alias in node.names if alias.name in front]
    assert found == []


def test_the_front_shows_public_names_and_loads_no_torch():
    code = "import sys, autoprox; print(*dir(autoprox)); assert not {'torch', 'numpy', 'pandas'} & set(sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == sorted(autoprox.__all__)
    assert all(hasattr(autoprox, name) for name in autoprox.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        autoprox.nothing  # noqa: B018


PACKAGES = sorted(_name(path) for path in (ROOT / "autoprox").rglob("__init__.py") if path.parent.name != "shipped")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_states_what_it_exports(package):
    module = importlib.import_module(package)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert len(set(module.__all__)) == len(module.__all__)

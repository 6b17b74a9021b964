"""Writes the pages of the reference from docstrings: one per package, with its modules.

Exports of a package are described there, under their import names; other objects in their own module.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import autoprox

ADDED = re.compile(r"set_\w+_request")
"""Methods that scikit-learn adds to estimators, with links into its own documentation."""


def is_public(name: str) -> bool:
    """True if users may import the module of this name."""
    return not any(part.startswith("_") for part in name.split("."))


def packages() -> Iterator[tuple[str, list[str]]]:
    """Names of all public packages, each with its modules that are not packages."""
    found = [each for each in pkgutil.walk_packages(autoprox.__path__, "autoprox.") if is_public(each.name)]
    for package in ["autoprox", *(each.name for each in found if each.ispkg)]:
        yield package, [each.name for each in found if not each.ispkg and each.name.rpartition(".")[0] == package]


def exported(module: ModuleType) -> dict[str, str]:
    """The classes and functions that a package exports, with the names of their modules."""
    values = {name: getattr(module, name) for name in getattr(module, "__all__", ())}
    return {
        name: value.__module__ for name, value in values.items() if inspect.isclass(value) or inspect.isfunction(value)
    }


def page(package: str, modules: list[str]) -> str:
    """The page of a package."""
    offers = exported(importlib.import_module(package))
    elsewhere = [
        name
        for name, home in offers.items()
        if not f"{home}.".startswith(f"{package}.") or _offered_below(package, name, home)
    ]
    lines = [package, "=" * len(package), "", *_automodule(package, elsewhere)]
    for module in modules:
        short = module.rpartition(".")[2]
        here = [name for name, home in offers.items() if home == module]
        here += [name for name, home in exported(importlib.import_module(module)).items() if home != module]
        # A function may have the name of its module: that name then means the function.
        lines += [short, "-" * len(short), "", *_automodule(module, here, indexed=short not in offers)]
    return "\n".join(lines)


def _offered_below(package: str, name: str, home: str) -> bool:
    """True if a package between this one and the object's module exports it too, and so describes it."""
    if home == package:
        return False
    between = home.removeprefix(f"{package}.").split(".")[:-1]
    inner = [".".join([package, *between[: depth + 1]]) for depth in range(len(between))]
    return any(exported(importlib.import_module(each)).get(name) == home for each in inner)


def _automodule(name: str, left_out: list[str], *, indexed: bool = True) -> list[str]:
    lines = [f".. automodule:: {name}"]
    if left_out:
        lines.append(f"   :exclude-members: {', '.join(left_out)}")
    if not indexed:
        lines.append("   :no-index:")
    return [*lines, ""]


def write_reference(folder: Path) -> None:
    """Writes all pages and their index. Unchanged pages keep their time; pages without a package are removed."""
    folder.mkdir(exist_ok=True)
    pages = {f"{package}.rst": page(package, modules) for package, modules in packages()}
    listed = [f"   {name.removesuffix('.rst')}" for name in pages]
    title = "Reference"
    opening = "Made from the docstrings of every public module. Its examples are run by the tests."
    pages["index.rst"] = "\n".join(
        [title, "=" * len(title), "", opening, "", ".. toctree::", "   :maxdepth: 1", "", *listed, ""]
    )
    for stale in folder.glob("*.rst"):
        if stale.name not in pages:
            stale.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)

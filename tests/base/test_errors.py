"""Errors of the library: they are what users of Python catch, and speak of arguments; options are for the commands."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import autoprox
from autoprox.base.errors import AutoproxError

ROOT = Path(autoprox.__file__).parent
CAUGHT = (ValueError, LookupError, TypeError, ArithmeticError, RuntimeError)
OF_OTHERS = "dask worker ADDRESS"
"""A command line of another program."""


def _errors() -> set[type[Exception]]:
    """All public errors that modules of the package define."""
    found = set()
    for module in pkgutil.walk_packages(autoprox.__path__, "autoprox."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if inspect.isclass(value) and issubclass(value, Exception) and value.__module__.startswith("autoprox."):
                assert name == value.__name__
                found.add(value)
    return {error for error in found if not error.__name__.startswith("_") and not issubclass(error, Warning)}


@pytest.mark.parametrize("error", sorted(_errors() - {AutoproxError}, key=lambda error: error.__name__))
def test_an_error_is_what_python_raises_in_such_a_case(error: type[Exception]) -> None:
    assert issubclass(error, AutoproxError)
    assert issubclass(error, CAUGHT)


def test_the_public_errors_are_those_that_there_are() -> None:
    offered = {getattr(autoprox.errors, name) for name in autoprox.errors.__all__}
    assert all(error in offered or error.__base__ in offered for error in _errors())


def _said(path: Path) -> Iterator[tuple[int, str]]:
    """Messages of the errors that a module makes: the texts inside of each call of something named ...Error."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called.endswith("Error"):
                constants = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
                yield node.lineno, "".join(value for value in constants if isinstance(value, str))


def test_library_errors_speak_of_no_options() -> None:
    said = {
        f"{path.relative_to(ROOT)}:{line}": text
        for path in ROOT.rglob("*.py")
        if path.relative_to(ROOT).parts[0] != "commands"
        for line, text in _said(path)
    }
    assert len(said) > 200  # what is searched is there
    spoken = {place: text for place, text in said.items() if re.search(r"--[a-z]|\boptions?\b", text)}
    assert {place for place, text in spoken.items() if OF_OTHERS not in text} == set()

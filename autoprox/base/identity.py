"""Digest of a function's computation: of its code and of everything that it refers to, not of its name.

`autoprox.base.content` explains why there are two ways to identify functions.
"""

import functools
import sys
from collections.abc import Mapping
from importlib import metadata
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from autoprox.base.content import global_names
from autoprox.base.digest import array_digest, bytes_digest, digest

VERSIONED = ("autoprox", "numpy", "scipy", "torch")
"""Packages with functions that count by name and package version."""

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))


class _NoContentError(Exception):
    """A value has no content that can be digested."""


def function_digest(value: Any) -> str | None:
    """Digests the content of a function or value; None if the content cannot be determined.

    Two functions with the same digest compute the same, whatever their names. The content of a function consists of its
    bytecode, its defaults, the variables of its closure and the globals that it names. Functions of Python and of the
    packages in `VERSIONED` count by name and version. Other objects and classes have no content, because their methods
    can do anything. Lists, dictionaries and sets have none either, because a function that writes into one differs from
    call to call.

    Args:
        value: A function, or a plain value.

    Example:
        >>> def scaled(factor):
        ...     return lambda value: factor * value
        >>> double = function_digest(scaled(2))
        >>> double == function_digest(scaled(2)), double == function_digest(scaled(3))
        (True, False)
        >>> function_digest(object()) is None
        True
    """
    try:
        return digest(_content(value, {}))
    except (_NoContentError, RecursionError):
        return None


def _content(value: Any, seen: dict[int, int]) -> Any:
    """JSON-like data that identifies the value.

    Args:
        value: The value.
        seen: Functions that contain it, with their depth; they end the recursion for functions that call themselves.
    """
    if isinstance(value, _PLAIN):
        return [type(value).__name__, repr(value)]
    if isinstance(value, tuple):
        return ["tuple", *(_content(each, seen) for each in value)]
    if isinstance(value, frozenset):
        return ["frozenset", *sorted(digest(_content(each, seen)) for each in value)]
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufc":
        return ["array", array_digest(np.asarray(value))]
    if isinstance(value, ModuleType):
        return ["module", value.__name__, _version(value.__name__)]
    return _callable_content(value, seen)


def _callable_content(value: Any, seen: dict[int, int]) -> Any:
    if isinstance(value, functools.partial):
        return ["partial", *(_content(each, seen) for each in (value.func, value.args)), _items(value.keywords, seen)]
    if isinstance(value, MethodType):
        return ["method", _content(value.__func__, seen), _content(value.__self__, seen)]
    if isinstance(value, FunctionType) and (not seen or not _is_versioned(value.__module__)):
        return _function_content(value, seen)
    return _named_content(value)


def _function_content(function: FunctionType, seen: dict[int, int]) -> Any:
    if id(function) in seen:
        return ["itself", seen[id(function)]]
    inner = seen | {id(function): len(seen)}
    names = set(global_names(function.__code__)) & set(function.__globals__)
    return [
        "function",
        _code_content(function.__code__),
        _content(function.__defaults__, inner),
        _items(function.__kwdefaults__ or {}, inner),
        _items(function.__dict__, inner),
        [_content(_cell_content(cell), inner) for cell in function.__closure__ or ()],
        _items({name: function.__globals__[name] for name in names}, inner),
    ]


def _items(values: Mapping[str, Any], seen: dict[int, int]) -> Any:
    return [[name, _content(values[name], seen)] for name in sorted(values)]


def _cell_content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError as error:  # nothing has been assigned yet
        raise _NoContentError from error


def _code_content(code: CodeType) -> Any:
    """Bytecode and its names, without file name and line numbers."""
    constants = [_code_content(each) if isinstance(each, CodeType) else _content(each, {}) for each in code.co_consts]
    names = [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars]
    shape = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags]
    tables = [bytes_digest(code.co_code), bytes_digest(code.co_exceptiontable)]
    return ["code", tables, constants, [list(each) for each in names], shape, sys.version_info[:2]]


def _named_content(value: Any) -> Any:
    """Name and version of a function or class of Python or of an installed package."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(value, BuiltinFunctionType) and module is None:
        raise _NoContentError  # a method that is bound to an object
    if not isinstance(module, str) or not isinstance(name, str) or "<locals>" in name:
        raise _NoContentError
    return ["named", module, name, _version(module)]


def _is_versioned(module: str | None) -> bool:
    return module is not None and (module.partition(".")[0] in (*VERSIONED, *sys.stdlib_module_names))


def _version(module: str) -> str:
    """Version of the package that contains a module, without the suffix of CPU and GPU builds."""
    if not _is_versioned(module):
        raise _NoContentError
    package = module.partition(".")[0]
    return metadata.version(package).partition("+")[0] if package in VERSIONED else sys.version

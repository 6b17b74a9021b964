"""Source text of a function or class, including everything that it uses from its own module.

It identifies definitions that are stored for years and must be recognised by any version of Python, such as the builder
of a space in a table. There is always an answer, and definitions in other modules count by name.
`autoprox.base.identity` identifies cached results instead: it follows bytecode into every module, and gives no answer
where an answer could be wrong.
"""

import functools
import inspect
import textwrap
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

_Plain = int | float | complex | str | bytes | None
# Types with a complete `repr`.
_Container = tuple | list | dict | set | frozenset  # type: ignore[type-arg]


def content(definition: object) -> str:
    """Returns a text that changes with a definition, or with anything that it uses from its own module.

    Objects from other modules appear by name only: a library is identified by its version.

    Args:
        definition: A function, a class, a `functools.partial`, or a callable object such as a dataclass.

    Returns:
        The sources. A function without a source file, such as one from an interactive session, is represented by its
        bytecode.

    Example:
        >>> content(textwrap.dedent) == content(textwrap.dedent), "def dedent" in content(textwrap.dedent)
        (True, True)
    """
    found: dict[str, str] = {}
    _add(definition, found, getattr(definition, "__module__", None) or type(definition).__module__)
    return "\n".join(found[name] for name in sorted(found))


def _add(value: object, found: dict[str, str], home: str, name: str = "") -> None:
    """Adds a value under its name, then everything that it refers to."""
    key = f"{name} {_key(value)}"
    if key in found:
        return
    found[key] = key
    parts: Iterator[tuple[str, Any]] = iter([])
    if isinstance(value, functools.partial):
        found[key] = f"partial {value.args!r} {sorted(value.keywords.items())!r}"
        parts = iter([("", value.func)])
    elif isinstance(value, MethodType):
        parts = iter([("", value.__func__), ("", value.__self__)])
    elif isinstance(value, FunctionType | type):
        if value.__module__ == home:
            found[key] = _source(value)
            parts = _used(value)
    elif isinstance(value, _Container) and not _is_plain(value):
        parts = (("", each) for each in _elements(value))
    elif callable(value) and type(value).__module__ == home:
        parts = iter([("", type(value))])
    for part_name, part in parts:
        _add(part, found, home, part_name)


def _key(value: object) -> str:
    if isinstance(value, FunctionType | type):
        return f"{value.__module__}:{value.__qualname__}"
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, _Container) and not _is_plain(value):
        # The repr of an element may contain an address, and a set has no fixed order.
        keys = [_key(each) for each in _elements(value)]
        return f"{type(value).__name__} [{', '.join(sorted(keys) if isinstance(value, set | frozenset) else keys)}]"
    if isinstance(value, BuiltinFunctionType) and not isinstance(value.__self__, ModuleType):
        return f"{value.__module__}:{value.__qualname__}"  # its repr contains an address
    if isinstance(value, _Plain | _Container | range) or "__repr__" in vars(type(value)):
        return f"{type(value).__name__} {value!r}"
    return f"{type(value).__module__}:{type(value).__qualname__}"


def _is_plain(value: object) -> bool:
    """True for numbers, texts and ordered containers of them: their `repr` is complete and the same in any process."""
    if isinstance(value, set | frozenset):
        return False
    return all(map(_is_plain, _elements(value))) if isinstance(value, _Container) else isinstance(value, _Plain)


def _elements(container: Any) -> list[Any]:
    """The elements of a container; for a dictionary, its keys and values in turn."""
    return [each for pair in container.items() for each in pair] if isinstance(container, dict) else list(container)


def _source(value: Any) -> str:
    try:
        lines = textwrap.dedent(inspect.getsource(value)).splitlines()
    except (OSError, TypeError):
        return _bytecode(value.__code__) if isinstance(value, FunctionType) else value.__qualname__
    return "\n".join(line.rstrip() for line in lines)


def _bytecode(code: CodeType) -> str:
    constants = [_bytecode(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts]
    return " ".join([code.co_code.hex(), *code.co_names, *constants])


def _used(value: Any) -> Iterator[tuple[str, Any]]:
    """References of a function or class: globals by name, cells of its closure, base classes, its own methods."""
    if isinstance(value, type):
        yield from (("", base) for base in value.__bases__)
        for member in vars(value).values():
            inner = inspect.unwrap(getattr(member, "__func__", None) or getattr(member, "fget", None) or member)
            if isinstance(inner, FunctionType):
                yield from _used(inner)
        return
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not filled yet
            continue
    for name in global_names(value.__code__):
        if name in value.__globals__:
            yield name, value.__globals__[name]


def global_names(code: CodeType) -> Iterator[str]:
    """Yields names in a code object that may refer to globals; names of attributes are included, which is harmless."""
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from global_names(each)

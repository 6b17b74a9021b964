"""Source of a function or class as text, with that of all it uses from its own module.

It serves what is kept for years and has to be told again by any version of Python, such as the builder of a space that
a table names: there is always an answer, and what is written elsewhere counts by its name. `autoprox.base.identity`
serves what is cached: it follows bytecode wherever it leads, and gives no answer rather than one that may be wrong.
"""

import functools
import inspect
import textwrap
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

_Plain = int | float | complex | str | bytes | None
# What says all of itself by its repr.
_Container = tuple | list | dict | set | frozenset  # type: ignore[type-arg]


def content(definition: object) -> str:
    """A text that changes when a definition does, or anything that it uses from the module where it stands.

    What it uses from other modules appears by name only: a library is known by its version.

    Args:
        definition: A function, a class, a `functools.partial`, or a callable object such as a dataclass.

    Returns:
        The sources; of a function whose source is not to be found, such as one from an interactive session, its
        bytecode.

    Example:
        >>> content(textwrap.dedent) == content(textwrap.dedent), "def dedent" in content(textwrap.dedent)
        (True, True)
    """
    found: dict[str, str] = {}
    _add(definition, found, getattr(definition, "__module__", None) or type(definition).__module__)
    return "\n".join(found[name] for name in sorted(found))


def _add(value: object, found: dict[str, str], home: str, name: str = "") -> None:
    """Adds a value under its name, and what it refers to."""
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
        # What stands in it may show its address, and a set its elements in any order.
        keys = [_key(each) for each in _elements(value)]
        return f"{type(value).__name__} [{', '.join(sorted(keys) if isinstance(value, set | frozenset) else keys)}]"
    if isinstance(value, BuiltinFunctionType) and not isinstance(value.__self__, ModuleType):
        return f"{value.__module__}:{value.__qualname__}"  # its repr shows the address of what it is a method of
    if isinstance(value, _Plain | _Container | range) or "__repr__" in vars(type(value)):
        return f"{type(value).__name__} {value!r}"
    return f"{type(value).__module__}:{type(value).__qualname__}"


def _is_plain(value: object) -> bool:
    """Whether a value says all of itself by its repr, whatever the process: numbers and texts, in order."""
    if isinstance(value, set | frozenset):
        return False
    return all(map(_is_plain, _elements(value))) if isinstance(value, _Container) else isinstance(value, _Plain)


def _elements(container: Any) -> list[Any]:
    """The elements of a container; of a dictionary the keys and the values in turn."""
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
    """Names in a code that may be those of globals; those of attributes are among them, which does no harm."""
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from global_names(each)

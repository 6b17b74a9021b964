"""Takes functions and classes out of the package together with all that they use, as text that stands alone.

What is exported is the source of the very definitions that autoprox itself runs, found by name in the syntax trees of
its modules. Nothing is executed to find it.
"""

import ast
import inspect
import symtable
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from autoprox.base.errors import KindError

_PACKAGE = "autoprox"
_Documented = ast.FunctionDef | ast.ClassDef


class Sources:
    """Definitions of the package, each behind what it needs, and their imports from elsewhere.

    Args:
        own: Further packages or modules whose definitions are taken along, and not imported.

    Example:
        >>> from autoprox.graph.operations import sqrt
        >>> sources = Sources()
        >>> sources.add(sqrt)
        'sqrt'
        >>> print(sources.text())
        from typing import Any
        <BLANKLINE>
        <BLANKLINE>
        def sqrt(x: Any, xp: Any, _eps: float) -> Any:
            \"\"\"Square root of max(x, 0).\"\"\"
            return xp.sqrt(xp.clip(x, 0, None))
    """

    def __init__(self, own: Collection[str] = ()) -> None:
        self._own = {_PACKAGE, *own}
        self._owners: dict[str, str] = {}
        self._texts: list[str] = []
        self._imports: set[_ImportLine] = set()

    def add(self, definition: Any) -> str:
        """Adds a function or a class of the package, and what it uses; returns its name.

        Raises:
            KindError: If it is not defined at the top of a module, or another definition has its name.
        """
        module, name = getattr(definition, "__module__", ""), getattr(definition, "__qualname__", "")
        if not module or not _has_source(module) or name not in _parsed(module).definitions:
            raise KindError(
                f"{definition!r} cannot be exported: its source is found only if it is a function or a class at the top"
                " of a module; define it as one."
            )
        self.add_name(module, name)
        return str(name)

    def add_name(self, module: str, name: str) -> None:
        """Adds what a name means in a module, be it defined or imported there; a builtin needs nothing.

        Raises:
            KindError: If another definition has the name.
        """
        parsed = _parsed(module)
        if name in parsed.definitions:
            self._add_definition(module, name)
        elif name in parsed.imports:
            found = parsed.imports[name]
            if found.package not in self._own:
                self._imports.add(found)
            elif found.name:
                self.add_name(found.module, found.name)

    def _add_definition(self, module: str, name: str) -> None:
        if name in self._owners:
            if self._owners[name] != module:
                raise KindError(
                    f"'{name}' of {module} cannot be exported together with '{name}' of {self._owners[name]};"
                    " rename one of them."
                )
            return
        self._owners[name] = module
        text = _definition_text(module, name)
        for used in _used_names(text):
            self.add_name(module, used)
        self._texts.append(text)

    def require(self, allowed: Collection[str]) -> None:
        """Checks that nothing is imported but the standard library and these packages.

        Raises:
            KindError: If something is.
        """
        for each in self._imports:
            if each.package not in sys.stdlib_module_names and each.package not in allowed:
                raise KindError(
                    f"The export needs '{each.module}', and the file may import only the standard library and"
                    f" {', '.join(sorted(allowed))}: an operation of the graph was written with it."
                )

    def text(self) -> str:
        """The imports, then the definitions."""
        own = {each for each in self._imports if each.package in sys.stdlib_module_names}
        groups = [_import_lines(own), _import_lines(self._imports - own)]
        return "\n\n\n".join(["\n\n".join("\n".join(each) for each in groups if each), *self._texts])


@dataclass(frozen=True)
class _ImportLine:
    """`from module import name`, or `import module` where the name is empty."""

    module: str
    name: str

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]


def _import_lines(imports: set[_ImportLine]) -> list[str]:
    lines = sorted(f"import {each.module}" for each in imports if not each.name)
    for module in sorted({each.module for each in imports if each.name}):
        names = sorted(each.name for each in imports if each.module == module and each.name)
        lines.append(f"from {module} import {', '.join(names)}")
    return lines


@dataclass(frozen=True)
class _Module:
    """Names that a module binds at its top: where definitions stand in its lines, and where imports come from."""

    lines: list[str]
    definitions: dict[str, ast.stmt]
    imports: dict[str, _ImportLine]


def _has_source(module: str) -> bool:
    try:
        return bool(inspect.getsource(import_module(module)))
    except (OSError, TypeError):
        return False


@cache
def _parsed(module: str) -> _Module:
    source = inspect.getsource(import_module(module))
    definitions: dict[str, ast.stmt] = {}
    imports: dict[str, _ImportLine] = {}
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                imports[alias.asname or alias.name] = _ImportLine(statement.module or "", alias.name)
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                imports[alias.asname or alias.name.partition(".")[0]] = _ImportLine(alias.name, "")
        else:
            definitions.update((name, statement) for name in _bound_names(statement))
    return _Module(source.splitlines(), definitions, imports)


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, _Documented):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


@cache
def _definition_text(module: str, name: str) -> str:
    """Source of a definition with its comments; of docstrings, the first paragraph."""
    parsed = _parsed(module)
    statement = parsed.definitions[name]
    assert statement.end_lineno is not None
    lines: list[str | None] = list(parsed.lines[: statement.end_lineno])
    for each in ast.walk(statement):
        if isinstance(each, _Documented) and ast.get_docstring(each) is not None:
            docstring = each.body[0]
            assert docstring.end_lineno is not None
            lines[docstring.lineno - 1] = _summary(each, docstring.col_offset)
            lines[docstring.lineno : docstring.end_lineno] = [None] * (docstring.end_lineno - docstring.lineno)
    decorators = statement.decorator_list if isinstance(statement, _Documented) else []
    first = min([statement.lineno, *(each.lineno for each in decorators)])
    return "\n".join(line for line in lines[first - 1 :] if line is not None)


def _summary(definition: _Documented, indentation: int) -> str:
    paragraph = (ast.get_docstring(definition) or "").partition("\n\n")[0].replace("\\", "\\\\")
    lines = f'"""{paragraph}"""'.splitlines()
    return "\n".join(" " * indentation + line for line in lines)


@cache
def _used_names(text: str) -> tuple[str, ...]:
    """Names that a definition takes from its module, sorted."""
    top = symtable.symtable(text, "exported", "exec")
    used = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    tables = list(top.get_children())
    while tables:
        table = tables.pop()
        used |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        tables += table.get_children()
    return tuple(sorted(used))

"""Takes functions and classes out of the package together with all that they use, as text that stands alone.

What is exported is the source of the very definitions that autoprox itself runs, found by name in the syntax trees of
its modules. Nothing is executed to find it.
"""

import ast
import inspect
import re
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

    A class is taken with those methods alone that something in the text may call: a method whose name is read nowhere
    as an attribute is left out, together with what only it uses. A class that inherits from elsewhere is taken whole,
    since its methods may be called from there.

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
        self._own = frozenset({_PACKAGE, *own})
        self._roots: dict[tuple[str, str], None] = {}
        self._found: _Reached | None = None

    def add(self, definition: Any) -> str:
        """Adds a function or a class of the package, and what it uses; returns its name.

        Raises:
            KindError: If it is not defined at the top of a module.
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
        """Adds what a name means in a module, be it defined or imported there; a builtin needs nothing."""
        self._roots[module, name] = None
        self._found = None

    def require(self, allowed: Collection[str]) -> None:
        """Checks that nothing is imported but the standard library and these packages.

        Raises:
            KindError: If something is, or two definitions have one name.
        """
        for each in self._reached().imports:
            if each.package not in sys.stdlib_module_names and each.package not in allowed:
                raise KindError(
                    f"The export needs '{each.module}', and the file may import only the standard library and"
                    f" {', '.join(sorted(allowed))}: an operation of the graph was written with it."
                )

    def text(self) -> str:
        """The imports, then the constants that need no definition, then the definitions.

        Raises:
            KindError: If two definitions have one name.
        """
        reached = self._reached()
        own = {each for each in reached.imports if each.package in sys.stdlib_module_names}
        groups = [_import_lines(own), _import_lines(reached.imports - own)]
        return "\n\n\n".join(["\n\n".join("\n".join(each) for each in groups if each), *reached.blocks()])

    def _reached(self) -> "_Reached":
        """Definitions that the roots reach: methods are added until no name of another one is read."""
        read: frozenset[str] = frozenset()
        while self._found is None:
            reached = _Reached(self._own, read)
            for module, name in self._roots:
                reached.add_name(module, name)
            if reached.attributes <= read:
                self._found = reached
            read |= reached.attributes
        return self._found


class _Reached:
    """Definitions in the order of their needs, for one set of names that are read as attributes.

    Args:
        own: Packages and modules whose definitions are taken along.
        read: Methods of these names are kept.
    """

    def __init__(self, own: frozenset[str], read: frozenset[str]) -> None:
        self._own = own
        self._read = read
        self._owners: dict[str, str] = {}
        self._texts: list[_Text] = []
        self.imports: set[_ImportLine] = set()

    @property
    def attributes(self) -> frozenset[str]:
        """Names that the definitions read as attributes."""
        return frozenset().union(*(each.attributes for each in self._texts))

    def blocks(self) -> list[str]:
        """The definitions; constants that stand in a row have no blank lines between them."""
        free = [each for each in self._texts if each.constant and not set(self._owners) & each.names]
        blocks: list[list[_Text]] = [free] if free else []
        for each in self._texts:
            if each in free:
                continue
            if each.constant and blocks and blocks[-1][-1].constant and blocks[-1] is not free:
                blocks[-1].append(each)
            else:
                blocks.append([each])
        return ["\n".join(each.text for each in block) for block in blocks]

    def add_name(self, module: str, name: str) -> None:
        """Adds what a name means in a module."""
        parsed = _parsed(module)
        if name in parsed.definitions:
            self._add_definition(module, name)
        elif name in parsed.imports:
            found = parsed.imports[name]
            if found.package not in self._own:
                self.imports.add(found)
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
        unused = _methods(module, name) - self._read if _is_closed(module, name, self._own) else frozenset()
        text = _definition_text(module, name, unused)
        for used in sorted(text.names):
            self.add_name(module, used)
        self._texts.append(text)


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


@dataclass(frozen=True)
class _Text:
    """A definition as it stands in the file.

    Args:
        text: Its source.
        constant: True for an assignment.
        names: Names that it imports from its module.
        attributes: Names that it reads as attributes, or has as strings, which may be such names.
    """

    text: str
    constant: bool
    names: frozenset[str]
    attributes: frozenset[str]


def _methods(module: str, name: str) -> frozenset[str]:
    """Methods of a class that are called by name alone: all but those that Python calls."""
    statement = _parsed(module).definitions[name]
    body = statement.body if isinstance(statement, ast.ClassDef) else []
    return frozenset(
        each.name for each in body if isinstance(each, ast.FunctionDef) and not re.fullmatch("__.*__", each.name)
    )


def _is_closed(module: str, name: str, own: frozenset[str]) -> bool:
    """True if a class inherits only from included classes; other base classes may call its methods."""
    parsed = _parsed(module)
    if name in parsed.imports:
        found = parsed.imports[name]
        return found.package in own and bool(found.name) and _is_closed(found.module, found.name, own)
    statement = parsed.definitions.get(name)
    return isinstance(statement, ast.ClassDef) and all(
        isinstance(base, ast.Name) and _is_closed(module, base.id, own) for base in statement.bases
    )


@cache
def _definition_text(module: str, name: str, unused: frozenset[str]) -> _Text:
    """Source of a definition with its comments, without unused methods; of docstrings, the first paragraph."""
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
    for each in statement.body[1:] if isinstance(statement, ast.ClassDef) else []:
        if isinstance(each, ast.Expr) and each.end_lineno is not None:  # what describes an attribute
            lines[each.lineno - 1 : each.end_lineno] = [None] * (each.end_lineno - each.lineno + 1)
    for each in statement.body if isinstance(statement, ast.ClassDef) else []:
        if isinstance(each, ast.FunctionDef) and each.name in unused:
            assert each.end_lineno is not None
            first = _first_line(each)
            while _is_blank_or_comment(lines[first - 2]):
                first -= 1
            lines[first - 1 : each.end_lineno] = [None] * (each.end_lineno - first + 1)
    text = "\n".join(line for line in lines[_first_line(statement) - 1 :] if line is not None)
    tree = ast.parse(text)
    read = {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)}
    read |= {each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    return _Text(text, not isinstance(statement, _Documented), _used_names(text), frozenset(read))


def _is_blank_or_comment(line: str | None) -> bool:
    return line is None or not line.strip() or line.lstrip().startswith("#")


def _first_line(statement: ast.stmt) -> int:
    """Number of the line in which a definition or its first decorator begins."""
    decorators = statement.decorator_list if isinstance(statement, _Documented) else []
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _summary(definition: _Documented, indentation: int) -> str:
    paragraph = (ast.get_docstring(definition) or "").partition("\n\n")[0].replace("\\", "\\\\")
    lines = f'"""{paragraph}"""'.splitlines()
    return "\n".join(" " * indentation + line for line in lines)


def _used_names(text: str) -> frozenset[str]:
    """Names that a definition takes from its module."""
    top = symtable.symtable(text, "exported", "exec")
    used = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    tables = list(top.get_children())
    while tables:
        table = tables.pop()
        used |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        tables += table.get_children()
    return frozenset(used)

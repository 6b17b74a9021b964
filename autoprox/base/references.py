"""References to objects by text: `package.module:name` or `file.py:name`."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from autoprox.base.digest import text_digest
from autoprox.base.errors import SpecError, suggestion
from autoprox.base.foreign import guarded


def is_reference(text: str) -> bool:
    """Returns True if a text has the form of a reference.

    Example:
        >>> is_reference("my_file.py:space"), is_reference("pit-micro")
        (True, False)
    """
    place, mark, name = text.rpartition(":")
    return bool(mark and place) and name.isidentifier()


def resolved(reference: Any) -> Any:
    """Resolves a reference; a value that is not a text is returned unchanged.

    The module is imported, or the file is run, once per process. Modules are also found in the working folder, and
    imports of a file in the folder of that file, as when Python runs it.

    Args:
        reference: `package.module:name` or `file.py:name`.

    Raises:
        SpecError: If the module, file or name does not exist, or importing it fails.

    Example:
        >>> resolved("math:gcd")(12, 18)
        6
        >>> resolved("math:gdc")
        Traceback (most recent call last):
        ...
        autoprox.base.errors.SpecError: 'math:gdc' names nothing: math has no 'gdc'. Did you mean 'gcd'?
    """
    if not isinstance(reference, str):
        return reference
    if not is_reference(reference):
        raise SpecError(f"'{reference}' is not a reference. Write package.module:name or file.py:name.")
    place, _, name = reference.rpartition(":")
    module = _file(Path(place)) if place.endswith(".py") else _module(place)
    if not hasattr(module, name):
        near = suggestion(name, vars(module)).partition(" Allowed:")[0]
        near = "" if near.startswith("Allowed:") else f" {near}"
        raise SpecError(f"'{reference}' names nothing: {place} has no '{name}'.{near}")
    return getattr(module, name)


def made(reference: Any, kind: type) -> Any:
    """Resolves a reference, and calls the function that it names.

    Args:
        reference: As for `resolved`.
        kind: Class of objects that are returned although they can be called.

    Raises:
        SpecError: As for `resolved`, and if the function fails.

    Example:
        >>> made("math:pi", str), made("builtins:dict", str)
        (3.141592653589793, {})
        >>> made("math:sqrt", str)
        Traceback (most recent call last):
        ...
        autoprox.base.errors.SpecError: 'math:sqrt' fails when it is called: math.sqrt() takes exactly one argument (0 \
given).
    """
    found = resolved(reference)
    if isinstance(found, kind) or not callable(found):
        return found
    with guarded(lambda reason: SpecError(f"'{reference}' fails when it is called: {reason}.")):
        return found()


def absolute(reference: str) -> str:
    """Returns a reference that names the same object from any folder.

    Example:
        >>> absolute("math:gcd")
        'math:gcd'
        >>> absolute("mine.py:space").endswith("/mine.py:space")
        True
    """
    place, _, name = reference.rpartition(":")
    return f"{Path(place).resolve()}:{name}" if place.endswith(".py") else reference


_OF_USERS = (Exception, SystemExit)
# SystemExit as well: a script that calls sys.exit() on import would otherwise end the program without a message.


@contextmanager
def _importable_from(folder: Path) -> Iterator[None]:
    place = str(folder.resolve())
    added = place not in sys.path
    if added:
        sys.path.insert(0, place)
    try:
        yield
    finally:
        if added and place in sys.path:
            sys.path.remove(place)


def _module(name: str) -> ModuleType:
    try:
        with _importable_from(Path()):
            return importlib.import_module(name)
    except _OF_USERS as error:
        raise _failed(name, error) from error


def _file(path: Path) -> ModuleType:
    name = f"{path.stem}_{text_digest(str(path.resolve()))[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    if not path.is_file():
        raise SpecError(f"There is no file {path}. Check the path.")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SpecError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a module up by its name
    try:
        with _importable_from(path.parent):
            spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]  # an incomplete module must not be found later
        if isinstance(error, _OF_USERS):
            raise _failed(str(path), error) from error
        raise
    return module


def _failed(what: str, error: BaseException) -> SpecError:
    reason = str(error).strip().splitlines()
    return SpecError(f"{what} cannot be imported: {type(error).__name__}{': ' + reason[0] if reason else ''}.")

"""Files are written whole: beside their place, then moved there."""

import errno
import json
import os
import platform
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from autoprox.base.errors import AutoproxError, SpecError, StoreMismatchError
from autoprox.base.foreign import read_json, reading

_HOST = re.sub(r"[^A-Za-z0-9]", "", platform.node())[:16]
# Process numbers mean something on one machine alone, and folders may be shared.


def write_json(content: dict[str, Any] | list[Any], path: Path) -> None:
    """Writes a JSON object or array, readable for people.

    Raises:
        AutoproxError: If the file cannot be written; what stood there before stays.
    """
    atomically(path, json_writer(content))


def json_writer(content: dict[str, Any] | list[Any]) -> Callable[[Path], object]:
    """Returns a function that writes a JSON object or array to the path that it is given."""
    text = json_text(content)
    return lambda path: path.write_text(text, encoding="utf-8")


def json_text(content: dict[str, Any] | list[Any]) -> str:
    """A JSON object or array, readable for people.

    Example:
        >>> print(json_text({"seed": 0}), end="")
        {
         "seed": 0
        }
    """
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def read_own_json(path: Path) -> Any:
    """Reads a JSON file that a command wrote, whatever it holds.

    Raises:
        StoreMismatchError: If it is not a regular file, is too large, or holds no JSON.
    """
    with reading(path, lambda reason: StoreMismatchError(f"'{path}' cannot be read as JSON ({reason}).", path)):
        return read_json(path)


def require_writable(folder: Path) -> None:
    """Makes a folder if need be and tries it for writing.

    Args:
        folder: Where something is to be written.

    Raises:
        SpecError: If it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()  # has no name where the system can do that, and is never left behind
    except OSError as error:
        raise SpecError(f"The folder '{folder}' cannot be written ({error.strerror}); give one that can.") from error


def atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file beside its place and moves it there, so that there is never half a file.

    What processes of this machine left beside it when they were killed while they wrote is removed. Inside another
    call, which gave the path, the file is that other's to move.

    Args:
        path: Where the file is to stand.
        write: Writes the path that it is given.

    Raises:
        AutoproxError: If there is no space left or no permission, or if a folder, a pipe or a device stands there.
    """
    suffix = f".{_HOST}-{os.getpid()}.tmp"
    if path.name.startswith(".") and path.name.endswith(suffix):
        write(path)
        return
    target = path.with_name(f".{path.name}{suffix}")
    if path.exists() and not path.is_file():  # a move would replace /dev/null itself
        raise AutoproxError(f"The file {path} cannot be written: what stands there is not a regular file, and stays.")
    try:
        _sweep(path)
        write(target)
        target.replace(path)
    except OSError as error:
        cause = "there is no space left" if error.errno == errno.ENOSPC else str(error)
        raise AutoproxError(
            f"The file {path} cannot be written: {cause}. What stood there before is unchanged."
        ) from error
    finally:
        with suppress(OSError):  # nothing is there, or not even the folder
            target.unlink()


def _sweep(path: Path) -> None:
    """Removes unfinished versions of a file whose writers are gone."""
    unfinished = re.compile(rf"\.{re.escape(path.name)}\.{_HOST}-([0-9]+)\.tmp")
    for name in os.listdir(path.parent):
        found = unfinished.fullmatch(name)
        if found and not _is_running(int(found[1])):
            path.with_name(name).unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    """Whether there is a process with this number; taken for granted where asking would end it."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True

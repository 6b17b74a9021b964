"""Atomic writing: a file is written beside its place, then moved there."""

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
# Process numbers are unique on one machine only, and folders may be shared between machines.


def write_json(content: dict[str, Any] | list[Any], path: Path) -> None:
    """Writes a JSON object or array with indentation.

    Raises:
        AutoproxError: If the file cannot be written; an earlier file is unchanged.
    """
    atomically(path, json_writer(content))


def json_writer(content: dict[str, Any] | list[Any]) -> Callable[[Path], object]:
    """Returns a function that writes a JSON object or array to a path."""
    text = json_text(content)
    return lambda path: path.write_text(text, encoding="utf-8")


def json_text(content: dict[str, Any] | list[Any]) -> str:
    """Formats a JSON object or array with indentation.

    Example:
        >>> print(json_text({"seed": 0}), end="")
        {
         "seed": 0
        }
    """
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def read_own_json(path: Path) -> Any:
    """Reads a JSON file written by a command.

    Raises:
        StoreMismatchError: If it is not a regular file, is too large, or is not JSON.
    """
    with reading(path, lambda reason: StoreMismatchError(f"'{path}' cannot be read as JSON ({reason}).", path)):
        return read_json(path)


def require_writable(folder: Path) -> None:
    """Creates a folder if necessary and checks that it is writable.

    Args:
        folder: The folder.

    Raises:
        SpecError: If it is not writable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()  # nameless where the system allows it, so it is never left behind
    except OSError as error:
        raise SpecError(
            f"The folder '{folder}' cannot be written ({error.strerror}); give a writable folder."
        ) from error


def atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file beside its place and moves it there, so that an incomplete file is never visible.

    Incomplete files left there by killed processes of this machine are removed. In a nested call, the outer call moves
    the file.

    Args:
        path: Final path of the file.
        write: Writes the file at a given path.

    Raises:
        AutoproxError: If there is no space or no permission, or the path is a folder, a pipe or a device.
    """
    suffix = f".{_HOST}-{os.getpid()}.tmp"
    if path.name.startswith(".") and path.name.endswith(suffix):
        write(path)
        return
    target = path.with_name(f".{path.name}{suffix}")
    if path.exists() and not path.is_file():  # moving would replace /dev/null itself
        raise AutoproxError(
            f"The file {path} cannot be written: the path exists and is not a regular file. Choose another path."
        )
    try:
        _sweep(path)
        write(target)
        target.replace(path)
    except OSError as error:
        cause = "there is no space left" if error.errno == errno.ENOSPC else str(error)
        raise AutoproxError(
            f"The file {path} cannot be written: {cause}. An earlier file there is unchanged."
        ) from error
    finally:
        with suppress(OSError):  # the file or its folder may not exist
            target.unlink()


def _sweep(path: Path) -> None:
    """Removes incomplete versions of a file left by processes that have ended."""
    unfinished = re.compile(rf"\.{re.escape(path.name)}\.{_HOST}-([0-9]+)\.tmp")
    for name in os.listdir(path.parent):
        found = unfinished.fullmatch(name)
        if found and not _is_running(int(found[1])):
            path.with_name(name).unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    """True if a process with this number exists; assumed on Windows, where the check would end the process."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True

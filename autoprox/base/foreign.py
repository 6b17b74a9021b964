"""Guarded reading of files from untrusted sources.

Sizes are checked before memory is allocated, and every failure becomes one error that names the file.
"""

import json
import math
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoprox.base.errors import AutoproxError

MOST_BYTES = 2**26
"""Size limit of a document, in bytes."""

MOST_ARRAY_BYTES = 2**31
"""Size limit of all arrays of one file, in bytes."""

MOST_PARTS = 2 * 10**6
"""Limit of the number of values in a structure; a value counts once per reference to it."""

SHOWN = 80
"""Length limit of an excerpt in a message, in characters."""


@contextmanager
def guarded(failure: Callable[[str], AutoproxError]) -> Iterator[None]:
    """Turns every error inside into one error.

    All errors are caught: no list of those that a broken file can cause is complete.

    Args:
        failure: Creates the error from a reason, one line without a full stop.

    Raises:
        AutoproxError: The error created by `failure`; an AutoproxError from inside is unchanged.

    Example:
        >>> with guarded(lambda reason: AutoproxError(f"'a.json' cannot be read: {reason}.")):
        ...     json.loads("[" * 100_000)
        Traceback (most recent call last):
        ...
        autoprox.base.errors.AutoproxError: 'a.json' cannot be read: it is nested too deep.
    """
    try:
        yield
    except AutoproxError:
        raise
    except RecursionError as error:
        raise failure("it is nested too deep") from error
    except MemoryError as error:
        raise failure("it asks for more memory than there is") from error
    except OSError as error:
        raise failure(_first_line(error.strerror or error)) from error
    except Exception as error:  # pandas, pickle, zipfile, torch and PIL raise errors of any type on broken bytes
        raise failure(_first_line(error)) from error


def _first_line(error: object) -> str:
    """First line of an error's message, without a full stop."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[0][:200].rstrip(".")


@contextmanager
def reading(path: str | Path, failure: Callable[[str], AutoproxError]) -> Iterator[None]:
    """Guards the reading of a regular file; anything else is refused, because a pipe without a writer never ends.

    Args:
        path: The file.
        failure: As for `guarded`.

    Raises:
        AutoproxError: The error created by `failure`; an AutoproxError from inside is unchanged.

    Example:
        >>> with reading("/", lambda reason: AutoproxError(f"'/' cannot be read: {reason}.")):
        ...     pass
        Traceback (most recent call last):
        ...
        autoprox.base.errors.AutoproxError: '/' cannot be read: it is a folder, and only regular files are read.
    """
    with guarded(failure):
        require_regular(path)
        yield


def require_regular(path: str | Path) -> None:
    """Checks that a path is a regular file, without opening it.

    Raises:
        OSError: If the path does not exist.
        ValueError: If it is a folder, a pipe, a socket or a device.
    """
    mode = Path(path).stat().st_mode
    if not stat.S_ISREG(mode):
        kind = next((name for holds, name in _KINDS.items() if holds(mode)), "a device")
        raise ValueError(f"it is {kind}, and only regular files are read")


_KINDS: dict[Callable[[int], bool], str] = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
}


def excerpt(text: str) -> str:
    """Returns the beginning of an untrusted text, for a message.

    Example:
        >>> excerpt("a" * 100) == "a" * 77 + "..."
        True
    """
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Reads a regular file up to a size limit, even if its stated size is wrong.

    Args:
        path: The file.
        most: Size limit in bytes.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is larger, or is not a regular file.
    """
    require_regular(path)
    with path.open("rb") as file:
        size = path.stat().st_size
        # System files, such as those in /proc, state no size; they are read up to the limit.
        content = b"" if size > most else file.read(most + 1 if size == 0 else size + 1)
    if size > most or len(content) > most:
        raise ValueError(f"it is larger than {most / 2**20:g} MiB")
    return content


def read_json(path: Path, most: int = MOST_BYTES) -> Any:
    """Reads a JSON document in UTF-8 and checks that its numbers are finite and its texts are valid Unicode.

    Args:
        path: The file.
        most: Size limit in bytes.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is larger, is not JSON, or contains an invalid number or text.
        RecursionError: If it is nested too deeply.
    """
    content = json.loads(read_bytes(path, most).decode("utf-8"), parse_constant=_refuse_constant)
    for part in parts_of(content):
        if isinstance(part, str) and ("\0" in part or any(0xD800 <= ord(each) < 0xE000 for each in part)):
            raise ValueError(f"it holds a text that is not Unicode: {excerpt(ascii(part))}")
    return content


def begins_with_format(path: str | Path, name: str) -> bool:
    """Returns True if a file is a JSON document with the given format as its first entry.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w+", suffix=".json") as file:
        ...     _ = file.write('{"format": "a.b", "values": []}')
        ...     file.flush()
        ...     begins_with_format(file.name, "a.b"), begins_with_format(file.name, "a")
        (True, False)
    """
    try:
        require_regular(path)
        with Path(path).open("rb") as file:
            head = file.read(len(name) + 64)
    except (OSError, ValueError):
        return False
    return re.match(rb'\s*\{\s*"format":\s*"' + re.escape(name.encode()) + b'"', head) is not None


def parts_of(content: Any, most: int = MOST_PARTS) -> Iterator[Any]:
    """Yields all parts of a structure of dictionaries and lists, including keys; the structure itself is first.

    A part that is referenced twice counts twice, as it does for all code that traverses the structure: with nested
    references, a file of a hundred bytes can have a billion parts.

    Args:
        content: The structure.
        most: Largest number of parts.

    Raises:
        ValueError: If it has more.

    Example:
        >>> list(parts_of({"a": [1, 2]}))
        [{'a': [1, 2]}, 'a', [1, 2], 1, 2]
        >>> laughs = ["ha"]
        >>> for _ in range(30):
        ...     laughs = [laughs, laughs]
        >>> sum(1 for _ in parts_of(laughs, most=1000))
        Traceback (most recent call last):
        ...
        ValueError: it holds more than 1000 values
    """
    waiting = [content]
    for _ in range(most):
        if not waiting:
            return
        part = waiting.pop()
        yield part
        if isinstance(part, dict):
            waiting.extend(each for pair in reversed(part.items()) for each in reversed(pair))
        elif isinstance(part, list | tuple | set | frozenset):
            waiting.extend(reversed(list(part)))
    if waiting:
        raise ValueError(f"it holds more than {most} values")


def read_arrays(path: Path, most: int = MOST_ARRAY_BYTES) -> dict[str, npt.NDArray[Any]]:
    """Reads the arrays of an .npz file after checking their stated sizes against the file.

    Args:
        path: The file.
        most: Size limit of all arrays together, in bytes.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is larger, or an array does not have its stated size.
        zipfile.BadZipFile: If it is not an .npz file.
    """
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > most:
            raise ValueError(f"its arrays are larger than {most / 2**20:g} MiB")
        for entry in archive.infolist():
            with archive.open(entry) as member:
                version = np.lib.format.read_magic(member)
                if version not in _HEADERS:
                    raise ValueError(f"the array '{entry.filename}' is of format {version}")
                shape, _, dtype = _HEADERS[version](member)
                if math.prod(shape) * dtype.itemsize + member.tell() != entry.file_size:
                    raise ValueError(f"the array '{entry.filename}' of shape {shape} does not have its size")
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


_HEADERS: dict[tuple[int, int], Callable[[Any], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def _refuse_constant(name: str) -> None:
    """Refuses NaN and infinities, which Python's JSON reader accepts."""
    raise ValueError(f"it holds {name}")

"""The guard through which files of others are read.

Sizes are bounded before anything is allocated, and whatever goes wrong inside is one error that names the file.
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
"""Largest document that is read."""

MOST_ARRAY_BYTES = 2**31
"""Most that the arrays of one file may hold."""

MOST_PARTS = 2 * 10**6
"""Most values that a structure may hold, each counted as often as it can be reached."""

SHOWN = 80
"""Characters of a foreign text that a message shows."""


@contextmanager
def guarded(failure: Callable[[str], AutoproxError]) -> Iterator[None]:
    """Turns whatever goes wrong inside into one error. What a file can break in a reader has no complete list.

    Args:
        failure: Makes the error of a reason, one line without a full stop.

    Raises:
        AutoproxError: What `failure` makes; an AutoproxError from inside stays as it is.

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
    except Exception as error:  # pandas, pickle, zipfile, torch and PIL raise whatever broken bytes lead them to
        raise failure(_first_line(error)) from error


def _first_line(error: object) -> str:
    """Message of an error, in one line without a full stop."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[0][:200].rstrip(".")


@contextmanager
def reading(path: str | Path, failure: Callable[[str], AutoproxError]) -> Iterator[None]:
    """Guards the reading of a file, which has to be a regular one: a pipe without a writer has no end.

    Args:
        path: The file.
        failure: As for `guarded`.

    Raises:
        AutoproxError: What `failure` makes; an AutoproxError from inside stays as it is.

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
    """Looks at what a path names, and opens nothing.

    Raises:
        OSError: If there is nothing.
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
    """The beginning of a foreign text, for a message.

    Example:
        >>> excerpt("a" * 100) == "a" * 77 + "..."
        True
    """
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Reads a regular file that is no larger than allowed, whatever it says of itself.

    Args:
        path: The file.
        most: Bytes that are allowed.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is larger, or is not a regular file.
    """
    require_regular(path)
    with path.open("rb") as file:
        size = path.stat().st_size
        # The system's own files, as those in /proc, state no size; they are read as far as is allowed.
        content = b"" if size > most else file.read(most + 1 if size == 0 else size + 1)
    if size > most or len(content) > most:
        raise ValueError(f"it is larger than {most / 2**20:g} MiB")
    return content


def read_json(path: Path, most: int = MOST_BYTES) -> Any:
    """Reads a JSON document in UTF-8, whose numbers are finite and whose texts can be written again.

    Args:
        path: The file.
        most: Bytes that are allowed.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is larger, no JSON, or holds what can be written nowhere.
        RecursionError: If it is nested too deep.
    """
    content = json.loads(read_bytes(path, most).decode("utf-8"), parse_constant=_refuse_constant)
    for part in parts_of(content):
        if isinstance(part, str) and ("\0" in part or any(0xD800 <= ord(each) < 0xE000 for each in part)):
            raise ValueError(f"it holds a text that is not Unicode: {excerpt(ascii(part))}")
    return content


def begins_with_format(path: str | Path, name: str) -> bool:
    """Whether a file is a JSON document whose first entry says that it has this format.

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
    """All parts of a structure of dictionaries and lists, keys as well, itself first.

    What is held twice counts twice, as it does for everything that goes through the structure: a file of a hundred
    bytes can hold a list of lists of ... with a billion parts.

    Args:
        content: The structure.
        most: Parts that are allowed.

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
    """Reads the arrays of an .npz file, after their sizes were compared with what the file says that it holds.

    Args:
        path: The file.
        most: Bytes that are allowed, of all arrays together.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is larger, or an array says that it is larger than its bytes.
        zipfile.BadZipFile: If it is not such a file.
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
    """Python's JSON reader would take NaN and infinities."""
    raise ValueError(f"it holds {name}")

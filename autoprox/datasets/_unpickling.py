"""Reads pickled arrays and lists without executing code from the pickle.

A pickle is a program that can call anything that it can import. Here it can import only the names that NumPy and Python
3 use to rebuild an array, and it gets harmless substitutes for them.
"""

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np

from autoprox.base.errors import ImageError
from autoprox.base.foreign import MOST_ARRAY_BYTES, parts_of, read_bytes, reading


class _Refused(pickle.UnpicklingError):
    """The pickle contains something other than arrays."""


class _Dtype:
    """Substitute for `numpy.dtype`: numbers and booleans only, in either byte order."""

    def __init__(self, kind: object, *flags: object) -> None:
        del flags  # Alignment and copying, which do not matter here.
        if not isinstance(kind, str) or np.dtype(kind).kind not in "biuf":
            raise _Refused(f"an array of {kind!r}")
        self.dtype = np.dtype(kind)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, *structure = state[:5]
        if any(part is not None for part in structure):
            raise _Refused("an array of structures")
        self.dtype = self.dtype.newbyteorder(order)


class _Array(np.ndarray[Any, Any]):
    """Substitute for `numpy.ndarray`: cannot be created with a size, only filled with bytes of that size."""

    def __new__(cls, *arguments: object) -> "_Array":
        raise _Refused(f"a call of numpy.ndarray with {len(arguments)} arguments")

    def __setstate__(self, state: Any) -> None:
        version, shape, kind, fortran, content = state
        if not isinstance(kind, _Dtype) or not isinstance(content, bytes | str):
            raise _Refused("an array without bytes as content")
        held = content.encode("latin1") if isinstance(content, str) else content
        super().__setstate__((version, shape, kind.dtype, fortran, held))  # NumPy compares sizes.


def _empty_array(subtype: object, shape: object, typecode: object) -> _Array:
    """Substitute for `numpy.core.multiarray._reconstruct`: an empty array that gets its state next."""
    if subtype is not _Array:
        raise _Refused("an array of another class than numpy.ndarray")
    del shape, typecode  # Placeholders; the state that follows sets both.
    return np.empty(0, np.uint8).view(_Array)


def _latin1_bytes(text: object, encoding: object) -> bytes:
    """Substitute for `_codecs.encode`, which Python 3 uses for bytes in protocol 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise _Refused(f"an encoding {encoding!r}")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], object] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("_codecs", "encode"): _latin1_bytes,
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _Refused(f"'{module}.{name}'")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: object) -> Any:
        raise _Refused(f"a persistent object {pid!r}")


def read_pickled_arrays(path: Path) -> Any:
    """Reads a pickle of built-in containers, texts, numbers and NumPy arrays of numbers; refuses anything else.

    Args:
        path: The file; texts of Python 2 are decoded as latin-1.

    Raises:
        ImageError: If the file cannot be read, is not a complete pickle, or contains anything else.
    """
    with reading(
        path,
        lambda reason: ImageError(
            f"The file {path} cannot be read as a pickle: {reason}. Use the original files of the data set."
        ),
    ):
        try:
            content = read_bytes(path, MOST_ARRAY_BYTES)
            _require_small_memo(content)
            held = _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
        except _Refused as error:
            raise ImageError(
                f"The file {path} is refused: it is a pickle with {error}, and only arrays of numbers, lists, "
                "dictionaries, texts and numbers are allowed. Use the original files of the data set."
            ) from error
        for _ in parts_of(held):
            pass  # a pickle of a few bytes can contain endlessly nested lists
    return held


def _require_small_memo(content: bytes) -> None:
    """Refuses a pickle with an object number above its length, because the unpickler allocates memory up to it."""
    for operation, argument, _ in pickletools.genops(content):
        if operation.name in {"PUT", "BINPUT", "LONG_BINPUT"} and not 0 <= int(argument or 0) <= len(content):
            raise pickle.UnpicklingError(f"it numbers an object {argument}")

"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), the files of the 'python version', 32 x 32 pixels.

The format is described at https://www.cs.toronto.edu/~kriz/cifar.html: pickles of Python 2 that hold a dictionary with
`data`, uint8 `(N, 3072)`, red, green and blue of each image one after another, and `labels` or `fine_labels`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autoprox.base.errors import ImageError
from autoprox.datasets._contents import Contents, checked_labels
from autoprox.datasets._pictures import Pixels, UInt8
from autoprox.datasets._unpickling import read_pickled_arrays
from autoprox.datasets.base import Int64

SIDE = 32


@dataclass(frozen=True, slots=True)
class CifarFiles:
    """The files of one of the two data sets.

    Attributes:
        folder: Name of the folder that its archive unpacks to.
        train: Files of training images.
        test: File of test images.
        labels: Key of the labels.
        num_classes: Number of classes.
    """

    folder: str
    train: tuple[str, ...]
    test: str
    labels: str
    num_classes: int


RELEASES = (
    CifarFiles("cifar-100-python", ("train",), "test", "fine_labels", 100),
    CifarFiles(
        "cifar-10-batches-py", tuple(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "labels", 10
    ),
)


def is_cifar(path: Path) -> bool:
    """Returns True if a folder, or its usual subfolder, has the files of CIFAR-10 or CIFAR-100."""
    return _find(path) is not None


def read_cifar(path: Path) -> Contents:
    """Reads CIFAR-10 or CIFAR-100 from its folder, or from the parent of that folder.

    Raises:
        ImageError: If a file is missing, damaged, or has other content.
    """
    found = _find(path)
    assert found is not None
    folder, release = found
    train = [_read(folder / name, release) for name in release.train]
    test_pixels, test_labels = _read(folder / release.test, release)
    return Contents(
        Pixels(np.concatenate([pixels for pixels, _ in train])),
        np.concatenate([labels for _, labels in train]),
        Pixels(test_pixels),
        test_labels,
        release.num_classes,
    )


def _find(path: Path) -> tuple[Path, CifarFiles] | None:
    for release in RELEASES:
        for folder in (path, path / release.folder):
            if (folder / release.train[0]).is_file():
                return folder, release
    return None


def _read(path: Path, release: CifarFiles) -> tuple[UInt8, Int64]:
    held: Any = read_pickled_arrays(path)
    if not isinstance(held, dict):
        raise ImageError(
            f"The file {path} contains a {type(held).__name__} instead of CIFAR's dictionary. Use the original file."
        )
    entries = {key.decode("latin1") if isinstance(key, bytes) else key: value for key, value in held.items()}
    if lacking := [key for key in ("data", release.labels) if key not in entries]:
        raise ImageError(f"The file {path} has no entry '{lacking[0]}', so it is not a file of {release.folder}.")
    pixels = entries["data"]
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (3 * SIDE * SIDE,):
        raise ImageError(f"The entry 'data' of {path} is not an array of bytes with {3 * SIDE * SIDE} columns.")
    labels = checked_labels(entries[release.labels], len(pixels), release.num_classes, path)
    return np.array(pixels).reshape(-1, 3, SIDE, SIDE), labels

"""Flowers-102 (Nilsback and Zisserman 2008, https://www.robots.ox.ac.uk/~vgg/data/flowers/102/).

The folder holds `jpg/image_00001.jpg` and so on, `imagelabels.mat` with the class of every image, from 1, and
`setid.mat` with the numbers of the images of each split. Training and validation images together are trained on, as for
the published labels of ViT-Bench-101.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.io

from autoprox.base.errors import ImageError
from autoprox.base.foreign import reading
from autoprox.datasets._contents import Contents, checked_labels, existing

NUM_CLASSES = 102
TRAIN_SPLITS = ("trnid", "valid")
TEST_SPLIT = "tstid"
MOST_NUMBERS = 10**6
"""Limit of the length of a row, far above the number of images."""


def is_flowers(path: Path) -> bool:
    """Returns True if a folder has the label file of Flowers-102."""
    return (path / "imagelabels.mat").is_file()


def read_flowers(path: Path) -> Contents:
    """Reads labels and the list of images; images are decoded on access.

    Raises:
        ImageError: If a file is missing or damaged, or the files contradict each other.
    """
    labels = _numbers(path / "imagelabels.mat", "labels")
    train = np.concatenate([_numbers(path / "setid.mat", name) for name in TRAIN_SPLITS])
    test = _numbers(path / "setid.mat", TEST_SPLIT)
    for number in (*train, *test):
        if not 1 <= number <= len(labels):
            raise ImageError(
                f"{path / 'setid.mat'} names image {number}, but {path / 'imagelabels.mat'} has labels only "
                f"for images 1 to {len(labels)}. Use the original files."
            )
    parts = [
        (
            existing(path, [f"jpg/image_{number:05d}.jpg" for number in numbers], path / "setid.mat"),
            checked_labels(labels[numbers - 1] - 1, len(numbers), NUM_CLASSES, path / "imagelabels.mat"),
        )
        for numbers in (train, test)
    ]
    return Contents(*parts[0], *parts[1], NUM_CLASSES)


def _numbers(path: Path, name: str) -> npt.NDArray[np.int64]:
    """Reads a row of whole numbers from a MATLAB file, `(n,)`."""
    if not path.is_file():
        raise ImageError(f"The file {path} of Flowers-102 is missing. Restore it.")
    with reading(
        path, lambda reason: ImageError(f"The MATLAB file {path} cannot be read ({reason}). Use the original file.")
    ):
        sizes = {each: math.prod(shape) for each, shape, _ in scipy.io.whosmat(path)}
        if sizes.get(name, 0) > MOST_NUMBERS:
            raise ValueError(f"its row '{name}' has {sizes[name]} numbers")
        held: dict[str, Any] = scipy.io.loadmat(path, variable_names=[name])
    numbers = held.get(name)
    if not isinstance(numbers, np.ndarray) or numbers.dtype.kind not in "iuf" or (numbers != np.rint(numbers)).any():
        raise ImageError(f"The MATLAB file {path} has no row '{name}' of whole numbers. Use the original file.")
    return numbers.ravel().astype(np.int64)

"""Contents of a folder of images: training and test images with labels, before size and name are chosen."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from autoprox.base.errors import ImageError
from autoprox.datasets._pictures import Files, Pictures, Pixels
from autoprox.datasets.base import Dataset, Int64


@dataclass(frozen=True, eq=False)
class Contents:
    """Images of a data set in their original sizes.

    Attributes:
        train: The training images.
        train_labels: `(N,)`, values 0 to num_classes - 1.
        test: The test images.
        test_labels: `(M,)`.
        num_classes: Number of classes.
    """

    train: Files | Pixels
    train_labels: Int64
    test: Files | Pixels
    test_labels: Int64
    num_classes: int

    def dataset(self, name: str, img_size: int, channels: int = 3) -> Dataset:
        """Returns a data set of this name, size and number of channels, without decoding an image."""
        return Dataset(
            name,
            Pictures(self.train, img_size, channels),
            self.train_labels,
            Pictures(self.test, img_size, channels),
            self.test_labels,
            self.num_classes,
        )


def checked_labels(labels: object, count: int, num_classes: int, where: Path) -> Int64:
    """Converts labels to an array `(count,)` of whole numbers from 0 to num_classes - 1.

    Args:
        labels: Labels as read from a file.
        count: Number of images.
        num_classes: Number of classes.
        where: The file, for the message.

    Raises:
        ImageError: If they are not such numbers.

    Example:
        >>> checked_labels([1, 0, 1], 3, 2, Path("train.json"))
        array([1, 0, 1])
    """
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise ImageError(f"The labels in {where} are not a list of whole numbers: {error}.") from error
    if array.ndim != 1 or len(array) != count or array.dtype.kind not in "iu":
        raise ImageError(
            f"The labels in {where} have shape {array.shape} and type {array.dtype}; give {count} whole "
            "numbers, one per image."
        )
    if wrong := [(index, value) for index, value in enumerate(array.tolist()) if not 0 <= value < num_classes]:
        raise ImageError(
            f"The label of image {wrong[0][0]} in {where} is {wrong[0][1]}; labels are 0 to {num_classes - 1}."
        )
    return array.astype(np.int64)


def existing(root: Path, names: list[str], listed_in: Path) -> Files:
    """Returns the files of a list after checking that they exist.

    Args:
        root: The folder.
        names: Path of each file, relative to the folder.
        listed_in: The file with the list, for the message.

    Raises:
        ImageError: If a file is missing or outside the folder.
    """
    if outside := [
        name for name in names if not PurePosixPath(name).parts or {"/", ".."} & {*PurePosixPath(name).parts}
    ]:
        raise ImageError(f"{listed_in} names '{outside[0]}', which is outside {root}.")
    if missing := [name for name in names if not (root / name).is_file()]:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise ImageError(
            f"The image {root / missing[0]}{more} is missing, though {listed_in} names it. Restore the data set."
        )
    return Files(root, tuple(names))

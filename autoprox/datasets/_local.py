"""Images in a folder of the user: published data sets in their original files, or one folder per class."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from autoprox.base.errors import ImageError, SpecError
from autoprox.datasets._chaoyang import is_chaoyang, read_chaoyang
from autoprox.datasets._cifar import is_cifar, read_cifar
from autoprox.datasets._contents import Contents
from autoprox.datasets._dataset_sources import DatasetSource
from autoprox.datasets._flowers import is_flowers, read_flowers
from autoprox.datasets._folders import (
    is_folder_of_classes,
    is_folder_of_images,
    read_folder_of_classes,
    read_folder_of_images,
)
from autoprox.datasets._pictures import CHANNELS
from autoprox.datasets.base import Dataset


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """A layout of a data set in a folder.

    Attributes:
        name: Name in messages.
        sign: File or folder that identifies the layout, for messages.
        recognises: Returns True if a folder has the layout.
        read: Reads labels and the list of images.
    """

    name: str
    sign: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path], Contents]


FORMATS = (
    ImageFormat("CIFAR-10 or CIFAR-100, python version", "'train' or 'data_batch_1'", is_cifar, read_cifar),
    ImageFormat("Flowers-102", "'imagelabels.mat'", is_flowers, read_flowers),
    ImageFormat("Chaoyang", "'train.json'", is_chaoyang, read_chaoyang),
    ImageFormat("ImageFolder", "one folder of images per class", is_folder_of_classes, read_folder_of_classes),
)
"""Known layouts, in the order of the search."""
LICENCE = "images of the user, under the licence that they came with"


@dataclass(frozen=True, slots=True)
class LocalImages:
    """Folder and size of the images of a data set.

    Images are cached until the process ends, so the files must not change meanwhile.

    Attributes:
        name: Name of the data set in a table.
        path: The folder.
        img_size: Side of the square images in px.
    """

    name: str
    path: Path
    img_size: int

    def open(self) -> Dataset:
        """Opens the data set; images are decoded on access.

        Raises:
            ImageError: See `open_images`.
            SpecError: If Pillow is not installed.
        """
        return _opened(self)

    def load(self) -> Dataset:
        """Loads the data set with all its images, for training.

        Raises:
            ImageError: See `open_images`, or if an image cannot be decoded.
            SpecError: If Pillow is not installed.
        """
        return _loaded(self)

    def source(self) -> DatasetSource:
        """Returns the properties of the images for a table built on them.

        Raises:
            ImageError: See `open_images`.
            SpecError: If Pillow is not installed.
        """
        data = self.open()
        return DatasetSource(self.load, data.num_classes, data.img_size, data.in_chans, licence=LICENCE)


def open_images(
    path: str | Path, img_size: int, name: str | None = None, *, channels: int = 3, unlabelled: bool = False
) -> Dataset:
    """Opens a data set in a folder and recognises its format.

    Labels and the list of images are read at once, and every listed image must exist. Images are decoded on access;
    each is cropped to its central square and resized.

    Args:
        path: Folder of CIFAR-10 or CIFAR-100 (python version), Flowers-102 or Chaoyang, or one with a subfolder per
            class.
        img_size: Side of the square images in px.
        name: Name of the data set; the name of the folder if None.
        channels: 3 for colour; 1 for grey, with colours converted.
        unlabelled: Accepts a folder of images without subfolders as well, as a single class.

    Raises:
        ImageError: If the folder does not exist, its format is unknown, or a file is missing or damaged. Also on access
            to an image that cannot be decoded.
        SpecError: If the size is below 1, the number of channels is not 1 or 3, or Pillow is not installed.

    Example:
        >>> data = open_images("data/flowers-102", img_size=224)  # doctest: +SKIP
        >>> data.train_images[:8].shape  # doctest: +SKIP
        (8, 3, 224, 224)
    """
    if img_size < 1:
        raise SpecError(f"The image size is {img_size} px; give at least 1.")
    if channels not in CHANNELS:
        raise SpecError(f"The number of channels is {channels}; give 1 or 3.")
    if importlib.util.find_spec("PIL") is None:
        raise SpecError(
            "Reading images needs the package pillow, which is not installed. Install it with: pip install "
            "'autoprox[data]'."
        )
    folder = Path(path)
    if unlabelled and folder.is_dir() and is_folder_of_images(folder):
        return read_folder_of_images(folder).dataset(name or folder.resolve().name, img_size, channels)
    return read_contents(folder).dataset(name or folder.resolve().name, img_size, channels)


def read_contents(path: Path) -> Contents:
    """Reads labels and the list of images of a folder in any known format.

    Raises:
        ImageError: If the folder does not exist, its format is unknown, or a file is missing or damaged.
    """
    if not path.exists():
        raise ImageError(f"There is no folder {path}. Give the folder that contains the images.")
    if not path.is_dir():
        raise ImageError(f"{path} is a file; give a folder. If it is an archive, unpack it first.")
    try:
        for layout in FORMATS:
            if layout.recognises(path):
                return layout.read(path)
    except OSError as error:
        raise ImageError(f"The folder {error.filename or path} cannot be read: {error.strerror}.") from error
    known = "; ".join(f"{layout.name} ({layout.sign})" for layout in FORMATS)
    raise ImageError(f"The folder {path} has no known format of images. Known: {known}.")


@lru_cache(maxsize=8)
def _opened(local: LocalImages) -> Dataset:
    return open_images(local.path, local.img_size, local.name)


@lru_cache(maxsize=8)
def _loaded(local: LocalImages) -> Dataset:
    return _opened(local).in_memory()

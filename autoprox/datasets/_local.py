"""Images of the user, from a path: the data sets of the papers in their original files, or a folder per class."""

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
    """A way in which a data set lies in a folder.

    Attributes:
        name: For messages.
        sign: By what it is recognised, for messages.
        recognises: Whether a folder has it.
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
    ImageFormat("ImageFolder", "a folder of images for each class", is_folder_of_classes, read_folder_of_classes),
)
"""In the order in which they are looked for."""
LICENCE = "images of the user, under the licence that they came with"


@dataclass(frozen=True, slots=True)
class LocalImages:
    """Where the images of a data set lie, and in which size they are wanted.

    Whatever is read is kept for as long as the process runs, so that files must not change meanwhile.

    Attributes:
        name: Name of the data set in a table.
        path: The folder.
        img_size: Side of the square images in px.
    """

    name: str
    path: Path
    img_size: int

    def open(self) -> Dataset:
        """The data set, whose images are decoded when they are asked for.

        Raises:
            ImageError: See `open_images`.
            SpecError: If Pillow is not installed.
        """
        return _opened(self)

    def load(self) -> Dataset:
        """The data set with all its images in memory, as a training needs them.

        Raises:
            ImageError: Likewise, or if an image cannot be decoded.
            SpecError: If Pillow is not installed.
        """
        return _loaded(self)

    def source(self) -> DatasetSource:
        """Facts about the images for a table that is built on them.

        Raises:
            ImageError: See `open_images`.
            SpecError: If Pillow is not installed.
        """
        data = self.open()
        return DatasetSource(self.load, data.num_classes, data.img_size, data.in_chans, licence=LICENCE)


def open_images(
    path: str | Path, img_size: int, name: str | None = None, *, channels: int = 3, unlabelled: bool = False
) -> Dataset:
    """Opens a data set that lies in a folder, whatever its format.

    Labels and the list of images are read at once, and every image that a list names has to be there. The images
    themselves are decoded when they are asked for, each cropped to its central square and resized.

    Args:
        path: Folder of CIFAR-10 or CIFAR-100 (python version), Flowers-102 or Chaoyang, or with a folder per class.
        img_size: Side of the square images in px.
        name: Name of the data set; that of the folder if None.
        channels: 3 for colour; 1 for grey, into which colours are converted.
        unlabelled: Whether a folder that holds nothing but images will do as well; they are all of one class then.

    Raises:
        ImageError: If there is no such folder, its format is not known, or a file is missing or damaged; later, when
            images are asked for, if one of them cannot be decoded.
        SpecError: If the size is below 1, the number of channels is neither 1 nor 3, or Pillow is not installed.

    Example:
        >>> data = open_images("data/flowers-102", img_size=224)  # doctest: +SKIP
        >>> data.train_images[:8].shape  # doctest: +SKIP
        (8, 3, 224, 224)
    """
    if img_size < 1:
        raise SpecError(f"Images have at least 1 px; {img_size} was given.")
    if channels not in CHANNELS:
        raise SpecError(f"Pictures are read with 1 or 3 channels; {channels} were asked for.")
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
    """Reads labels and the list of images of a folder, whatever its format.

    Raises:
        ImageError: If there is no such folder, its format is not known, or a file is missing or damaged.
    """
    if not path.exists():
        raise ImageError(f"There is no folder {path}. Give the folder that holds the images.")
    if not path.is_dir():
        raise ImageError(f"{path} is a file; give a folder. If it is an archive, unpack it first.")
    try:
        for layout in FORMATS:
            if layout.recognises(path):
                return layout.read(path)
    except OSError as error:
        raise ImageError(f"The folder {error.filename or path} cannot be read: {error.strerror}.") from error
    known = "; ".join(f"{layout.name} ({layout.sign})" for layout in FORMATS)
    raise ImageError(f"The folder {path} holds no data set of a known format. Known: {known}.")


@lru_cache(maxsize=8)
def _opened(local: LocalImages) -> Dataset:
    return open_images(local.path, local.img_size, local.name)


@lru_cache(maxsize=8)
def _loaded(local: LocalImages) -> Dataset:
    return _opened(local).in_memory()

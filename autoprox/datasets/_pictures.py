"""Images on disk or in another size, decoded, cropped and resized on access."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from autoprox.base.errors import ImageError
from autoprox.base.foreign import reading

if TYPE_CHECKING:
    from PIL.Image import Image

UInt8 = npt.NDArray[np.uint8]
CHANNELS = (1, 3)
"""Allowed numbers of channels of a picture."""
_MODES = dict(zip(CHANNELS, ("L", "RGB"), strict=True))


@dataclass(frozen=True, slots=True)
class Files:
    """Image files.

    Attributes:
        root: The folder.
        names: Path of each file, relative to the folder.
    """

    root: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int, img_size: int, channels: int = 3) -> UInt8:
        """Decodes one image and makes it square, `(channels, img_size, img_size)`.

        Raises:
            ImageError: If the file is missing, truncated, or not an image.
        """
        from PIL import Image  # An optional dependency, needed only for images of users.

        path = self.root / self.names[index]
        if not path.exists():
            raise ImageError(f"The image {path} is missing. Restore it, or the whole data set.")
        with (
            reading(
                path,
                lambda reason: ImageError(
                    f"The image {path} cannot be read ({reason}). Restore it, or the whole data set."
                ),
            ),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # Warnings about metadata; relevant problems are errors.
            with Image.open(path) as picture:
                return squared(picture, img_size, channels)


@dataclass(frozen=True, slots=True)
class Pixels:
    """Images in memory in their original size.

    Attributes:
        array: `(N, 3, H, W)`.
    """

    array: UInt8

    def __len__(self) -> int:
        return len(self.array)

    def read(self, index: int, img_size: int, channels: int = 3) -> UInt8:
        """Makes one image square, `(channels, img_size, img_size)`."""
        from PIL import Image

        picture = Image.fromarray(np.ascontiguousarray(self.array[index].transpose(1, 2, 0)))
        return squared(picture, img_size, channels)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Square images, read from their source on access and indexed like an array.

    Attributes:
        source: The original images.
        img_size: Side of the square images in px.
        channels: 3 for colour, 1 for grey.

    Example:
        >>> pictures = Pictures(Pixels(np.zeros((5, 3, 32, 32), np.uint8)), img_size=8)
        >>> pictures.shape, pictures[np.array([3, 1])].shape, pictures[:2].shape
        ((5, 3, 8, 8), (2, 3, 8, 8), (2, 3, 8, 8))
    """

    source: Files | Pixels
    img_size: int
    channels: int = 3

    def __len__(self) -> int:
        return len(self.source)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(N, C, H, W)`."""
        return len(self.source), self.channels, self.img_size, self.img_size

    def __getitem__(self, indices: slice | npt.NDArray[np.int64]) -> UInt8:
        """Reads the images with these indices, `(n, C, H, W)`.

        Raises:
            ImageError: If one cannot be read.
        """
        chosen = np.arange(len(self))[indices]
        images = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for row, index in enumerate(chosen):
            images[row] = self.source.read(int(index), self.img_size, self.channels)
        return images


def squared(picture: "Image", img_size: int, channels: int = 3) -> UInt8:
    """Crops a picture to its largest central square and resizes it.

    Args:
        picture: A picture in any mode; transparency is discarded.
        img_size: Side in px.
        channels: 3 for red, green and blue; 1 for the luma of ITU-R 601.

    Returns:
        `(channels, img_size, img_size)`.

    Example:
        >>> from PIL import Image
        >>> squared(Image.new("L", (40, 30), 7), 8).shape, squared(Image.new("RGB", (40, 30)), 8, channels=1).shape
        ((3, 8, 8), (1, 8, 8))
    """
    from PIL import Image, ImageOps

    fitted = ImageOps.fit(picture.convert(_MODES[channels]), (img_size, img_size), method=Image.Resampling.BICUBIC)
    return np.asarray(fitted).reshape(img_size, img_size, channels).transpose(2, 0, 1)

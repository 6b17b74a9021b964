"""What a data set is to the table: two fixed sets of images and how they are normalised."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from autoprox.digest import array_digest, digest

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with labels, split into training and test images once and for all.

    Attributes:
        name: Name in the column `dataset` of a table.
        train_images: `(N, C, H, W)`, values 0 to 255.
        train_labels: `(N,)`, values 0 to num_classes - 1.
        test_images: `(M, C, H, W)`.
        test_labels: `(M,)`.
        num_classes: Number of classes.

    Example:
        >>> images = np.zeros((4, 1, 8, 8), np.uint8)
        >>> data = Dataset("blank", images, np.arange(4), images, np.arange(4), 4)
        >>> data.img_size, data.in_chans, data.mean
        (8, 1, (0.0,))
    """

    name: str
    train_images: UInt8
    train_labels: Int64
    test_images: UInt8
    test_labels: Int64
    num_classes: int

    def __post_init__(self) -> None:
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            array.flags.writeable = False

    @property
    def img_size(self) -> int:
        """Side of the square images in pixels."""
        return int(self.train_images.shape[-1])

    @property
    def in_chans(self) -> int:
        """Number of channels."""
        return int(self.train_images.shape[1])

    @cached_property
    def mean(self) -> tuple[float, ...]:
        """Mean of each channel over the training images, on the scale 0 to 1."""
        means = (self.train_images / 255.0).mean(axis=(0, 2, 3))
        return tuple(round(float(mean), 6) for mean in means)

    @cached_property
    def std(self) -> tuple[float, ...]:
        """Standard deviation of each channel over the training images, on the scale 0 to 1; 1 if constant."""
        deviations = (self.train_images / 255.0).std(axis=(0, 2, 3))
        return tuple(round(float(std), 6) or 1.0 for std in deviations)

    def normalised(self, images: UInt8) -> Float32:
        """Brings images of this data set to mean 0 and standard deviation 1 per channel.

        Args:
            images: `(B, C, H, W)`.

        Returns:
            `(B, C, H, W)`.
        """
        return normalise(images, self.mean, self.std)

    @cached_property
    def digest(self) -> str:
        """Digest of all that a training depends on."""
        arrays = (self.train_images, self.train_labels, self.test_images, self.test_labels)
        return digest([self.name, self.num_classes, self.mean, self.std, [array_digest(array) for array in arrays]])


def normalise(images: UInt8, mean: tuple[float, ...], std: tuple[float, ...]) -> Float32:
    """Computes `(images / 255 - mean) / std` per channel in float64, rounded to float32 once.

    Args:
        images: `(B, C, H, W)`.
        mean: `(C,)`.
        std: `(C,)`.

    Returns:
        `(B, C, H, W)`.

    Example:
        >>> float(normalise(np.full((1, 1, 1, 1), 255, np.uint8), (0.5,), (0.25,)).item())
        2.0
    """
    centred = images / 255.0 - np.asarray(mean).reshape(1, -1, 1, 1)
    scaled = centred / np.asarray(std).reshape(1, -1, 1, 1)
    return np.asarray(scaled, dtype=np.float32)


def stratified_split(labels: Int64, per_class: int, rng: np.random.Generator) -> tuple[Int64, Int64]:
    """Chooses the same number of samples of every class.

    Args:
        labels: `(N,)`.
        per_class: How many samples of each class are chosen.
        rng: Where the choice comes from.

    Returns:
        Indices of the chosen and of the remaining samples, each ascending.

    Example:
        >>> chosen, rest = stratified_split(np.array([0, 0, 1, 1, 1]), 1, np.random.default_rng(0))
        >>> len(chosen), len(rest)
        (2, 3)
    """
    chosen = [rng.permutation(np.flatnonzero(labels == label))[:per_class] for label in np.unique(labels)]
    inside = np.sort(np.concatenate(chosen)).astype(np.int64)
    outside = np.setdiff1d(np.arange(len(labels), dtype=np.int64), inside)
    return inside, outside

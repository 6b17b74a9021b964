"""Data sets for tables: fixed training and test images, and their normalisation."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from autoprox.base.digest import array_digest, digest
from autoprox.datasets._pictures import Pictures, UInt8

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Images = UInt8 | Pictures

MEASURED = 1000
"""Largest number of training images, evenly spread, for mean and deviation; avoids decoding all of a large data set."""
_CHUNK = 50
# Images decoded together for that.


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with labels in a fixed split into training and test images.

    Attributes:
        name: Name in the column `dataset` of a table.
        train_images: `(N, C, H, W)`, values 0 to 255; in memory, or read on access.
        train_labels: `(N,)`, values 0 to num_classes - 1.
        test_images: `(M, C, H, W)`.
        test_labels: `(M,)`.
        num_classes: Number of classes.
        normalisation: Mean and standard deviation of each channel, on the scale 0 to 1; measured if None.

    Example:
        >>> images = np.zeros((4, 1, 8, 8), np.uint8)
        >>> data = Dataset("blank", images, np.arange(4), images, np.arange(4), 4)
        >>> data.img_size, data.in_chans, data.mean
        (8, 1, (0.0,))
    """

    name: str
    train_images: Images
    train_labels: Int64
    test_images: Images
    test_labels: Int64
    num_classes: int
    normalisation: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    def __post_init__(self) -> None:
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False

    @property
    def img_size(self) -> int:
        """Side of the square images in pixels."""
        return int(self.train_images.shape[-1])

    @property
    def in_chans(self) -> int:
        """Number of channels."""
        return int(self.train_images.shape[1])

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean of each channel on the scale 0 to 1, as given or measured on at most 1,000 training images."""
        return (self.normalisation or self._moments)[0]

    @property
    def std(self) -> tuple[float, ...]:
        """Standard deviation of each channel on the scale 0 to 1, as given or measured on the same images; never 0."""
        return (self.normalisation or self._moments)[1]

    @cached_property
    def _moments(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        used = min(MEASURED, len(self.train_images))
        indices = np.arange(used) * len(self.train_images) // used
        count, total, squares = 0, np.zeros(self.in_chans, np.int64), np.zeros(self.in_chans, np.int64)
        for start in range(0, used, _CHUNK):
            values = self.train_images[indices[start : start + _CHUNK]].astype(np.int64)
            count += values.size // self.in_chans
            total += values.sum(axis=(0, 2, 3))
            squares += (values**2).sum(axis=(0, 2, 3))
        means = total / count
        deviations = np.sqrt(np.maximum(squares / count - means**2, 0.0))  # Rounding can make it negative.
        return (
            tuple(round(float(mean) / 255, 6) for mean in means),
            tuple(round(float(deviation) / 255, 6) or 1.0 for deviation in deviations),
        )

    def in_memory(self) -> "Dataset":
        """Returns the same data set with all images decoded."""
        return replace(self, train_images=self.train_images[:], test_images=self.test_images[:])

    def normalised(self, images: Images) -> Float32:
        """Normalises images of this data set to mean 0 and standard deviation 1 per channel.

        Args:
            images: `(B, C, H, W)`.

        Returns:
            `(B, C, H, W)`.
        """
        return normalise(images[:], self.mean, self.std)

    @cached_property
    def digest(self) -> str:
        """Digest of everything that a training depends on."""
        arrays = (self.train_images[:], self.train_labels, self.test_images[:], self.test_labels)
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
    """Chooses the same number of samples from every class.

    Args:
        labels: `(N,)`.
        per_class: Number of chosen samples per class.
        rng: Random generator.

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

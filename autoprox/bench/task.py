"""What statistics are computed on: a batch of real images of a data set, or noise where there are no images."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoprox.bench.datasets import Dataset
from autoprox.bench.datasets.base import normalise, stratified_split
from autoprox.bench.files import atomically
from autoprox.digest import array_digest, derived_seed, digest
from autoprox.errors import TableError

BATCH_SIZE = 32
"""Images a batch, as in the published ViT experiments; a network's statistics cost in proportion to it."""
NOISE_PIXELS, LEAST_NOISE = BATCH_SIZE * 64**2, 4
"""Pixels of one channel in a batch of noise at most, and the images that there are all the same: large images would
take too much memory (32 of 224 px 17 GB for a PiT), and noise images differ less from one another than real ones."""
NOISE_CLASSES = 100
"""Classes of a data set that is only noise. One number for all of them, so that one collection serves them all."""
DEFAULT_NUM_CLASSES = 10
NOISE_CHANNELS = 3


class ImageSource(StrEnum):
    """Where the images of a task come from."""

    IMAGES = "images"
    NOISE = "noise"


@dataclass(frozen=True, eq=False)
class Task:
    """What a network has to do, and the batch on which its statistics are computed.

    Attributes:
        dataset: Name of the data set.
        num_classes: Number of classes.
        img_size: Side of the images in pixels.
        in_chans: Number of channels.
        images: `(B, C, H, W)`, normalised.
        labels: `(B,)`.
        source: Whether the images are real.
    """

    dataset: str
    num_classes: int
    img_size: int
    in_chans: int
    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    source: ImageSource

    @cached_property
    def digest(self) -> str:
        """Digest of all that statistics depend on: not the name, so that noise serves several data sets."""
        return digest([self.num_classes, array_digest(self.images), array_digest(self.labels)])


@dataclass(frozen=True, eq=False)
class Batch:
    """The stored form of a batch of real images.

    Attributes:
        images: `(B, C, H, W)`, values 0 to 255.
        labels: `(B,)`.
        mean: `(C,)`, on the scale 0 to 1.
        std: `(C,)`, on the scale 0 to 1.
        num_classes: Number of classes.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    mean: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]
    num_classes: int

    @cached_property
    def digest(self) -> str:
        """Digest of everything."""
        arrays = (self.images, self.labels, self.mean, self.std)
        return digest([self.num_classes, [array_digest(array) for array in arrays]])

    def task(self, name: str) -> Task:
        """The task of a data set with this batch."""
        images = normalise(self.images, tuple(self.mean.tolist()), tuple(self.std.tolist()))
        return Task(
            dataset=name,
            num_classes=self.num_classes,
            img_size=int(images.shape[-1]),
            in_chans=int(images.shape[1]),
            images=images,
            labels=self.labels,
            source=ImageSource.IMAGES,
        )


def draw_batch(data: Dataset, size: int = BATCH_SIZE) -> Batch:
    """Draws training images, of every class as many as possible alike; always the same ones.

    Args:
        data: The data set.
        size: Number of images.

    Example:
        >>> from autoprox.bench.datasets import dataset
        >>> batch = draw_batch(dataset("digits"))
        >>> batch.images.shape, np.bincount(batch.labels).tolist()
        ((32, 1, 8, 8), [4, 4, 3, 3, 3, 3, 3, 3, 3, 3])
    """
    rng = np.random.default_rng(derived_seed("batch", data.name))
    counts = np.bincount(data.train_labels)
    size = min(size, len(data.train_labels))
    per_class = next(n for n in range(-(-size // data.num_classes), size + 1) if np.minimum(counts, n).sum() >= size)
    balanced, _ = stratified_split(data.train_labels, per_class, rng)
    labels = data.train_labels[balanced]
    # Every class once before any class again, so that cutting off leaves them nearly balanced.
    turns = np.array([np.count_nonzero(labels[:index] == label) for index, label in enumerate(labels)])
    chosen = rng.permutation(balanced[np.lexsort((labels, turns))][:size])
    return Batch(
        data.train_images[chosen],
        data.train_labels[chosen],
        np.asarray(data.mean),
        np.asarray(data.std),
        data.num_classes,
    )


def noise_task(name: str, num_classes: int, img_size: int, in_chans: int = NOISE_CHANNELS) -> Task:
    """Makes a task of Gaussian noise, which depends on the sizes only and not on the name.

    It has as many images as a batch of real ones up to 64 px; of larger ones fewer, but at least 4.

    Args:
        name: Name of the data set.
        num_classes: Number of classes.
        img_size: Side of the images in pixels.
        in_chans: Number of channels.

    Example:
        >>> task = noise_task("flowers", 102, 32)
        >>> task.images.shape, task.digest == noise_task("other", 102, 32).digest
        ((32, 3, 32, 32), True)
    """
    rng = np.random.default_rng(derived_seed("noise", img_size, in_chans))
    size = min(BATCH_SIZE, max(LEAST_NOISE, NOISE_PIXELS // img_size**2))
    images = rng.standard_normal((size, in_chans, img_size, img_size)).astype(np.float32)
    labels = np.arange(size, dtype=np.int64) % num_classes
    return Task(name, num_classes, img_size, in_chans, images, labels, ImageSource.NOISE)


def write_batches(path: Path, datasets: Sequence[Dataset]) -> None:
    """Writes the batches of data sets, the same bytes every time.

    Args:
        path: The npz file.
        datasets: The data sets.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for data in sorted(datasets, key=lambda data: data.name):
        batch = draw_batch(data)
        fields: dict[str, npt.NDArray[Any]] = {
            "images": batch.images,
            "labels": batch.labels,
            "mean": batch.mean,
            "std": batch.std,
            "num_classes": np.asarray(batch.num_classes),
        }
        arrays |= {f"{data.name}/{field}": value for field, value in fields.items()}

    def write(target: Path) -> None:
        with target.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    atomically(path, write)


def read_batches(path: Path) -> dict[str, Batch]:
    """Reads the batches beside a table; none if there is no such file.

    Raises:
        TableError: If the file is broken.
    """
    if not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        names = sorted({key.partition("/")[0] for key in arrays})
        return {
            name: Batch(
                arrays[f"{name}/images"],
                arrays[f"{name}/labels"],
                arrays[f"{name}/mean"],
                arrays[f"{name}/std"],
                int(arrays[f"{name}/num_classes"]),
            )
            for name in names
        }
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise TableError(f"The batches {path} cannot be read: {error}. Build the table again.") from error

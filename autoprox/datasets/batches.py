"""Batches of real images, drawn from a data set and stored beside a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoprox.base.digest import array_digest, derived_seed, digest
from autoprox.base.errors import TableError
from autoprox.base.files import atomically
from autoprox.base.foreign import read_arrays, reading
from autoprox.datasets.base import Dataset, normalise, stratified_split
from autoprox.spaces.task import BATCH_SIZE, ImageSource, Task


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
    """Draws a fixed batch of training images with the classes as balanced as possible.

    Args:
        data: The data set.
        size: Number of images.

    Example:
        >>> from autoprox.datasets import dataset
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
    # One image of every class in turn, so that truncation leaves the classes nearly balanced.
    turns = np.array([np.count_nonzero(labels[:index] == label) for index, label in enumerate(labels)])
    chosen = rng.permutation(balanced[np.lexsort((labels, turns))][:size])
    return Batch(
        data.train_images[chosen],
        data.train_labels[chosen],
        np.asarray(data.mean),
        np.asarray(data.std),
        data.num_classes,
    )


def write_batches(path: Path, datasets: Sequence[Dataset]) -> None:
    """Writes the batches of data sets; the file is the same every time.

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
    """Reads the batches of a table; empty if there is no such file.

    Raises:
        TableError: If the file is damaged.
    """
    if not path.exists():
        return {}
    with reading(
        path, lambda reason: TableError(f"The batches {path} cannot be read: {reason}. Build the table again.")
    ):
        arrays = read_arrays(path)
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

"""A task: the number of classes, the shape of the images, and the batch on which statistics are computed."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autoprox.base.digest import array_digest, derived_seed, digest

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


class TaskShape(NamedTuple):
    """Shape that a network has to fit: all that its builder gets of a task.

    Args:
        num_classes: Number of classes.
        img_size: Side of the images in pixels.
        in_chans: Channels of the images.
    """

    num_classes: int
    img_size: int
    in_chans: int


@dataclass(frozen=True, eq=False)
class Task:
    """Task of a network, and the batch on which its statistics are computed.

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

    @property
    def shape(self) -> TaskShape:
        """Shape that a network for it has to fit."""
        return TaskShape(self.num_classes, self.img_size, self.in_chans)

    @cached_property
    def digest(self) -> str:
        """Digest of all that statistics depend on: not the name, so that noise serves several data sets."""
        return digest([self.num_classes, array_digest(self.images), array_digest(self.labels)])


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

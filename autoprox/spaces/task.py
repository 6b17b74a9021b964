"""A task: the number of classes, the shape of the images, and the batch on which statistics are computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autoprox.base.digest import array_digest, derived_seed, digest
from autoprox.base.errors import SpecError
from autoprox.base.numbers import is_whole

BATCH_SIZE = 32
"""Images a batch, as in the published ViT experiments; a network's statistics cost in proportion to it."""
NOISE_PIXELS, LEAST_NOISE = BATCH_SIZE * 64**2, 4
"""Pixels of one channel in a batch of noise at most, and the images that there are all the same: large images would
take too much memory (32 of 224 px 17 GB for a PiT), and noise images differ less from one another than real ones."""
NOISE_CLASSES = 100
"""Classes of a data set that is only noise. One number for all of them, so that one collection serves them all."""
DEFAULT_NUM_CLASSES = 10
NOISE_CHANNELS = 3
DEFAULT_IN_CHANS = 3
"""Channels of images by default."""
_NOUNS = ("classes", "px", "channels")
# What the numbers of a task count.


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


def checked_task(
    space: str,
    img_sizes: Sequence[int],
    default_img_size: int,
    num_classes: int | None,
    img_size: int | None,
    in_chans: int | None,
) -> TaskShape:
    """Checks a task that networks of a space are built for.

    Args:
        space: Name of the space, for messages.
        img_sizes: Sides of images in pixels that the space takes.
        default_img_size: Side of the images if None is given.
        num_classes: Number of classes, at least 2.
        img_size: Side of the images in pixels.
        in_chans: Channels of the images, at least 1; 3 if None.

    Raises:
        SpecError: If a number is not allowed.

    Example:
        >>> checked_task("mine", range(8, 33), 28, 10, None, 1)
        TaskShape(num_classes=10, img_size=28, in_chans=1)
    """
    size = default_img_size if img_size is None else img_size
    in_chans = DEFAULT_IN_CHANS if in_chans is None else in_chans
    if not is_whole(size) or size not in img_sizes:
        raise SpecError(
            f"The space '{space}' takes images of {_said(img_sizes)} px, not {img_size} px. Resize the images or choose"
            " another space."
        )
    if num_classes is None or not is_whole(num_classes) or num_classes < 2:
        raise SpecError(f"A network of '{space}' needs a whole number of at least 2 classes, not {num_classes}.")
    if not is_whole(in_chans) or in_chans < 1:
        raise SpecError(f"A network of '{space}' needs a whole number of at least 1 channel, not {in_chans}.")
    return TaskShape(int(num_classes), int(size), int(in_chans))


def own_task(space: str, task: TaskShape, *given: int | None) -> TaskShape:
    """Returns the one task of a space around a given network, after a look at what was asked for.

    Args:
        space: Name of the space, for messages.
        task: The task of the space.
        given: Classes, side in pixels and channels that were asked for; None where nothing was said.

    Raises:
        SpecError: If another task was asked for.

    Example:
        >>> own_task("compressed", TaskShape(10, 28, 1), 10, None, None)
        TaskShape(num_classes=10, img_size=28, in_chans=1)
    """
    pairs = zip(given, task, strict=True)
    if any(each is not None and not (is_whole(each) and each == own) for each, own in pairs):
        wanted = ", ".join(f"{own} {noun}" for own, noun in zip(task, _NOUNS, strict=True))
        raise SpecError(
            f"The networks of '{space}' are made of one for {wanted}, and take no other task. Leave the task out, or"
            " give that one."
        )
    return task


def _said(sizes: Sequence[int]) -> str:
    """Image sizes as a text for messages."""
    if not isinstance(sizes, range):
        return ", ".join(map(str, sizes))
    step = f" in steps of {sizes.step}" if sizes.step > 1 else ""
    return f"{sizes[0]} to {sizes[-1]}{step}" if len(sizes) > 1 else str(sizes[0])

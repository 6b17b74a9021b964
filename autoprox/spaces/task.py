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
"""Images per batch, as in the published ViT experiments; the time of statistics is proportional to it."""
NOISE_PIXELS, LEAST_NOISE = BATCH_SIZE * 64**2, 4
"""Largest number of pixels per channel in a batch of noise, and the least number of images: 32 large images need too
much memory (17 GB for a PiT at 224 px), and noise images differ less from each other than real ones."""
NOISE_CLASSES = 100
"""Classes of a data set of noise; the same for all of them, so that they share one collection."""
DEFAULT_NUM_CLASSES = 10
NOISE_CHANNELS = 3
DEFAULT_IN_CHANS = 3
"""Channels of images by default."""
_NOUNS = ("classes", "px", "channels")
# Nouns of the three numbers of a task.


class ImageSource(StrEnum):
    """Source of the images of a task."""

    IMAGES = "images"
    NOISE = "noise"


class TaskShape(NamedTuple):
    """Shape of a task: all information about it that the builder of a network gets.

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
        source: Real images or noise.
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
        """Number of classes, size and channels."""
        return TaskShape(self.num_classes, self.img_size, self.in_chans)

    @cached_property
    def digest(self) -> str:
        """Digest of everything that statistics depend on, without the name, so that data sets of noise share them."""
        return digest([self.num_classes, array_digest(self.images), array_digest(self.labels)])


def noise_task(name: str, num_classes: int, img_size: int, in_chans: int = NOISE_CHANNELS) -> Task:
    """Makes a task of Gaussian noise, which depends on the sizes but not on the name.

    Up to 64 px it has as many images as a batch of real ones; above that fewer, but at least 4.

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
    """Checks a task for a space and fills in defaults.

    Args:
        space: Name of the space, for messages.
        img_sizes: Allowed sides of images in pixels.
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
    """Returns the task of a space around a trained network, after checking the requested task.

    Args:
        space: Name of the space, for messages.
        task: The task of the space.
        given: Requested classes, side in pixels and channels; None for no request.

    Raises:
        SpecError: If another task is requested.

    Example:
        >>> own_task("compressed", TaskShape(10, 28, 1), 10, None, None)
        TaskShape(num_classes=10, img_size=28, in_chans=1)
    """
    pairs = zip(given, task, strict=True)
    if any(each is not None and not (is_whole(each) and each == own) for each, own in pairs):
        wanted = ", ".join(f"{own} {noun}" for own, noun in zip(task, _NOUNS, strict=True))
        raise SpecError(
            f"The networks of '{space}' are derived from one for {wanted}, and support no other task. Omit "
            "the task, or give that one."
        )
    return task


def _said(sizes: Sequence[int]) -> str:
    """Image sizes as a text for messages."""
    if not isinstance(sizes, range):
        return ", ".join(map(str, sizes))
    step = f" in steps of {sizes.step}" if sizes.step > 1 else ""
    return f"{sizes[0]} to {sizes[-1]}{step}" if len(sizes) > 1 else str(sizes[0])

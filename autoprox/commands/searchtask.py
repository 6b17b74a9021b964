"""Task that the networks of a search are built for, from the options of the command."""

import argparse

from autoprox.base.errors import SpecError, suggestion
from autoprox.bench.table import Table
from autoprox.commands.image_options import image_folders, require_used
from autoprox.datasets import DATASETS, Dataset, LocalImages, dataset
from autoprox.datasets.batches import draw_batch
from autoprox.spaces import Space
from autoprox.spaces.task import DEFAULT_NUM_CLASSES, NOISE_CHANNELS, Task, noise_task

NOISE = "noise"
"""Name of the task where there are no images."""


def searched_task(options: argparse.Namespace, space: Space) -> Task:
    """Task that networks are built for while they are scored.

    Args:
        options: --dataset, --verify, --images, --img-size and --num-classes; see the command's help.
        space: The space that is searched.

    Raises:
        SpecError: If there is no such data set, or an option does not apply to its images.
        ImageError: If images of the user are unavailable.
    """
    folders = image_folders(options.images)
    require_used(options.images, {options.dataset, options.verify or options.dataset} & set(folders), set(folders))
    table = Table.read()
    name = options.dataset or options.verify or (None if _shaped(options) else _fitting(table, space))
    if name is None:
        if space.own_task is not None:
            return noise_task(NOISE, *space.check_task(options.num_classes, options.img_size))
        classes = DEFAULT_NUM_CLASSES if options.num_classes is None else options.num_classes
        classes, size, _ = space.check_task(classes, options.img_size, NOISE_CHANNELS)
        return noise_task(NOISE, classes, size)
    local = local_images(options, name, space)
    if options.num_classes is not None or (local is None and options.img_size is not None):
        option = "--num-classes" if options.num_classes is not None else "--img-size"
        raise SpecError(f"{option} applies to noise only, not to the data set '{name}'; leave one of them out.")
    if local is None and name in table.datasets:
        return table.task(name, space)
    return draw_batch(dataset(name) if local is None else local.open()).task(name)


def local_images(options: argparse.Namespace, name: str, space: Space) -> LocalImages | None:
    """Location of the images of a data set; None for one that is included in autoprox.

    Raises:
        SpecError: If the data set is neither included nor named by --images.
        ImageError: If the folder of --images does not exist.
    """
    folders = image_folders(options.images)
    if name in folders:
        size = space.default_img_size if options.img_size is None else options.img_size
        return LocalImages(name, folders[name], size)
    if name not in DATASETS:
        raise SpecError(
            f"There is no data set '{name}'. {suggestion(name, [*DATASETS, *folders])} For your own data set give "
            f"--images {name}=PATH."
        )
    return None


def opened(local: LocalImages | None, name: str) -> Dataset:
    """A data set; its images are decoded on access.

    Raises:
        SpecError: If the package that holds the images is not installed.
        ImageError: If images of the user cannot be read.
    """
    return dataset(name) if local is None else local.open()


def described(task: Task) -> str:
    """The images of a task in words.

    Example:
        >>> described(noise_task(NOISE, 10, 28, 1))
        'noise, 28 px, 1 channel, 10 classes'
    """
    channels = "1 channel" if task.in_chans == 1 else f"{task.in_chans} channels"
    return f"{task.dataset}, {task.img_size} px, {channels}, {task.num_classes} classes"


def _shaped(options: argparse.Namespace) -> bool:
    """True if the options specify noise."""
    return options.img_size is not None or options.num_classes is not None


def _fitting(table: Table, space: Space) -> str | None:
    """The first data set of a table with stored images in the size of a space."""
    fitting = (
        name for name, batch in sorted(table.batches.items()) if batch.images.shape[-1] == space.default_img_size
    )
    return next(fitting, None)

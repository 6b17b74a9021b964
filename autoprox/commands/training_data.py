"""Options of commands that train one network on one data set, and that data set."""

import argparse

from autoprox.commands.command import CommandParser
from autoprox.commands.image_options import add_images_option, image_folders, require_used
from autoprox.commands.searchtask import local_images, opened
from autoprox.commands.values import PathTo, Text, Whole
from autoprox.datasets import DATASETS, Dataset, LocalImages
from autoprox.spaces import Space


def add_training_data(options: CommandParser) -> None:
    """Adds --dataset, --images and --img-size."""
    options.add_argument(
        "--dataset",
        default="digits",
        metavar="D",
        help="training data set (default: %(default)s)",
        type=Text(DATASETS),
    )
    add_images_option(options, "images of --dataset that do not come with autoprox")
    options.add_argument("--img-size", type=Whole(1, 4096), metavar="PX", help="side of images from --images")


def add_training_folder(options: CommandParser, noun: str, default: str) -> None:
    """Adds --out, --resume and --force.

    Args:
        options: The parser.
        noun: Noun for the content of the folder.
        default: Name of the folder without --out, for the help text.
    """
    options.add_argument(
        "--out",
        type=PathTo(folder=True, written=True),
        metavar="DIR",
        help=f"folder of the {noun} (default: runs/{default})",
    )
    options.add_argument("--resume", action="store_true", help=f"resume the {noun} in this folder")
    options.add_argument("--force", action="store_true", help=f"replace the {noun} in this folder")


def training_data(options: argparse.Namespace, space: Space) -> tuple[Dataset, LocalImages | None]:
    """Returns the data set, and the location of its images unless they are included in autoprox.

    Raises:
        SpecError: If there is no such data set, or the space does not take its images.
        ImageError: If images of the user are unavailable.
    """
    folders = image_folders(options.images)
    require_used(options.images, {options.dataset} & set(folders), set(folders))
    local = local_images(options, options.dataset, space)
    data = opened(local, options.dataset)
    space.check_task(data.num_classes, data.img_size, data.in_chans)
    return data, local

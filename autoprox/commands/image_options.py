"""The option --images: folders with images of the user."""

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

from autoprox.base.errors import ImageError, SpecError, suggestion
from autoprox.commands.values import Text


def add_images_option(parser: argparse.ArgumentParser | argparse._ArgumentGroup, purpose: str) -> None:
    """Adds --images.

    Args:
        parser: The parser to extend.
        purpose: Use of the images, for the help.
    """
    parser.add_argument(
        "--images",
        nargs="+",
        default=[],
        metavar="NAME=PATH|FOLDER",
        help=f"{purpose}: folders of data sets, or one folder with a subfolder per data set, named like it; formats: "
        "CIFAR-10 and CIFAR-100 (python version), Flowers-102, Chaoyang, or one folder per class",
        type=Text(files=True),
    )


def image_folders(values: Sequence[str]) -> dict[str, Path]:
    """Folders of --images, by data set.

    Args:
        values: Any number of `NAME=PATH`, or one folder with a subfolder per data set.

    Raises:
        SpecError: If a name is given twice, or the two forms are mixed.
        ImageError: If the folder does not exist.

    Example:
        >>> image_folders(["cifar100=data/cifar-100-python"])
        {'cifar100': PosixPath('data/cifar-100-python')}
    """
    if _is_folder(values):
        folder = Path(values[0])
        if not folder.is_dir():
            raise ImageError(f"--images: there is no folder {folder}. Give NAME=PATH, or a folder of data sets.")
        return {entry.name: entry for entry in sorted(folder.iterdir()) if entry.is_dir()}
    found: dict[str, Path] = {}
    for value in values:
        name, equals, path = value.partition("=")
        if not (name and equals and path):
            raise SpecError(f"--images: '{value}' is not NAME=PATH. Give one NAME=PATH per data set, or one folder.")
        if name in found:
            raise SpecError(f"--images names the data set '{name}' twice. Give it once.")
        found[name] = Path(path)
    return found


def require_used(values: Sequence[str], used: Collection[str], datasets: Collection[str]) -> None:
    """Refuses images that would not be used.

    Args:
        values: Values of --images.
        used: Names of the data sets with images in use.
        datasets: Names of all data sets.

    Raises:
        ImageError: If a name is not a data set, or no subfolder of the one folder is named like one.
    """
    if _is_folder(values):
        if not used:
            raise ImageError(
                f"--images: no folder in {values[0]} is named like a data set ({', '.join(sorted(datasets))}). Rename "
                "one, or give NAME=PATH."
            )
        return
    for name in image_folders(values):
        if name not in used:
            raise ImageError(f"--images names '{name}', which is not a data set here. {suggestion(name, datasets)}")


def _is_folder(values: Sequence[str]) -> bool:
    return len(values) == 1 and ("=" not in values[0] or Path(values[0]).is_dir())

"""Data sets with one folder per class, in the layout of torchvision's ImageFolder.

The layout is either `train/CLASS/...` and `test/CLASS/...` (or `val`, `valid`, `validation`), or `CLASS/...` alone. In
the latter case a fixed fifth of every class is held back for testing. Classes are numbered in the order of their names.
"""

from pathlib import Path

import numpy as np

from autoprox.base.digest import derived_seed
from autoprox.base.errors import ImageError
from autoprox.datasets._contents import Contents
from autoprox.datasets._pictures import Files
from autoprox.datasets.base import Int64

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
TRAIN_FOLDER = "train"
TEST_FOLDERS = ("test", "val", "valid", "validation")
"""Names of the folder of test images; the first that exists is used."""
TEST_SHARE = 5
"""Without test images, one image in this many is held back."""


def is_folder_of_classes(path: Path) -> bool:
    """Returns True if a folder has subfolders with images."""
    return any(_images_below(folder) for folder in _folders(path))


def read_folder_of_classes(path: Path) -> Contents:
    """Reads labels and the list of images; images are decoded on access.

    Raises:
        ImageError: If a class has too few images, there are fewer than two classes, or training and test images have
            different classes.
    """
    root = path / TRAIN_FOLDER
    if not root.is_dir():
        classes = _classes(path)
        files, labels = _listed(path, classes)
        return _divided(path, files, labels, classes)
    tests = [path / name for name in TEST_FOLDERS if (path / name).is_dir()]
    if not tests:
        raise ImageError(f"The folder {path} has '{TRAIN_FOLDER}' but none of: {', '.join(TEST_FOLDERS)}. Add one.")
    classes, others = _classes(root), _classes(tests[0])
    if classes != others:
        odd = sorted(set(classes) ^ set(others))[0]
        raise ImageError(f"The class '{odd}' is in only one of {root} and {tests[0]}. Both need the same classes.")
    return Contents(*_listed(root, classes), *_listed(tests[0], classes), len(classes))


def is_folder_of_images(path: Path) -> bool:
    """Returns True if a folder has images and no subfolder with images."""
    return not is_folder_of_classes(path) and bool(_images_below(path))


def read_folder_of_images(path: Path) -> Contents:
    """Reads the list of images, with one class and no test images."""
    names = tuple(image.relative_to(path).as_posix() for image in _images_below(path))
    none = np.zeros(0, dtype=np.int64)
    return Contents(Files(path, names), np.zeros(len(names), dtype=np.int64), Files(path, ()), none, 1)


def _classes(path: Path) -> list[str]:
    classes = [folder.name for folder in _folders(path)]
    if len(classes) < 2:
        raise ImageError(
            f"The folder {path} has {len(classes)} subfolders; give one per class, and at least two classes."
        )
    return classes


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _images_below(path: Path) -> list[Path]:
    return sorted(
        entry
        for entry in path.rglob("*")
        if entry.suffix.lower() in SUFFIXES and entry.is_file() and not entry.name.startswith(".")
    )


def _listed(root: Path, classes: list[str]) -> tuple[Files, Int64]:
    names, labels = [], []
    for label, name in enumerate(classes):
        images = _images_below(root / name)
        if not images:
            raise ImageError(
                f"The folder {root / name} has no images ({', '.join(sorted(SUFFIXES))}). Add some, or remove it."
            )
        names += [image.relative_to(root).as_posix() for image in images]
        labels += [label] * len(images)
    return Files(root, tuple(names)), np.asarray(labels, dtype=np.int64)


def _divided(path: Path, files: Files, labels: Int64, classes: list[str]) -> Contents:
    """Holds back a fifth of every class, at least one image."""
    rng = np.random.default_rng(derived_seed("dataset split", *files.names))
    held_back = []
    for label, name in enumerate(classes):
        own = rng.permutation(np.flatnonzero(labels == label))
        if len(own) < 2:
            raise ImageError(
                f"The class '{name}' of {path} has one image; it needs at least two, one for training and one "
                "for testing."
            )
        held_back.append(own[: max(1, len(own) // TEST_SHARE)])
    test = np.sort(np.concatenate(held_back))
    train = np.setdiff1d(np.arange(len(labels)), test)
    parts = [(Files(path, tuple(files.names[index] for index in part)), labels[part]) for part in (train, test)]
    return Contents(*parts[0], *parts[1], len(classes))

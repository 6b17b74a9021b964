"""Chaoyang (Zhu 2021, Hard Sample Aware Noise Robust Learning for Histopathology Image Classification): colon slides.

The folder holds `train.json` and `test.json`, each a list of objects with `name`, the path of an image from the folder,
and `label`: normal, serrated, adenocarcinoma or adenoma.
"""

from pathlib import Path
from typing import Any

from autoprox.base.errors import ImageError
from autoprox.base.foreign import read_json, reading
from autoprox.datasets._contents import Contents, checked_labels, existing
from autoprox.datasets._pictures import Files
from autoprox.datasets.base import Int64

NUM_CLASSES = 4


def is_chaoyang(path: Path) -> bool:
    """Returns True if a folder has the list of training images of Chaoyang."""
    return (path / "train.json").is_file()


def read_chaoyang(path: Path) -> Contents:
    """Reads labels and the list of images; images are decoded on access.

    Raises:
        ImageError: If a file is missing or damaged.
    """
    return Contents(*_read(path, "train.json"), *_read(path, "test.json"), NUM_CLASSES)


def _read(path: Path, name: str) -> tuple[Files, Int64]:
    listing = path / name
    if not listing.exists():
        raise ImageError(f"The file {listing} of Chaoyang is missing. Restore it.")
    with reading(
        listing, lambda reason: ImageError(f"The file {listing} cannot be read ({reason}). Use the original file.")
    ):
        entries: Any = read_json(listing)
    if not isinstance(entries, list) or not entries:
        raise ImageError(f"The file {listing} contains no list of images with name and label. Use the original file.")
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or "label" not in entry:
            raise ImageError(f"Entry {number} of {listing} is not an object with name and label: {str(entry)[:80]}.")
    labels = checked_labels([entry["label"] for entry in entries], len(entries), NUM_CLASSES, listing)
    return existing(path, [entry["name"] for entry in entries], listing), labels

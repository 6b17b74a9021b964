"""Data sets of real images, included in Python packages or read from folders; nothing is downloaded.

`dataset(name)` loads one; `DATASETS` maps names to loaders. To add a data set, write a module with a function that
returns a `Dataset` and register it here.
"""

from functools import lru_cache

from autoprox.datasets._dataset_sources import DATASETS, DatasetSource
from autoprox.datasets._digits import load_digits
from autoprox.datasets._local import LocalImages, open_images, read_contents
from autoprox.datasets._mnist5k import load_mnist5k
from autoprox.datasets._patches import load_patches
from autoprox.datasets.base import Dataset, stratified_split

__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetSource",
    "LocalImages",
    "dataset",
    "load_digits",
    "load_mnist5k",
    "load_patches",
    "open_images",
    "read_contents",
    "stratified_split",
]


@lru_cache(maxsize=4)
def dataset(name: str) -> Dataset:
    """Loads a data set once per process. Its arrays are read-only.

    Args:
        name: A name in `DATASETS`.

    Raises:
        RegistryError: If the name is unknown.
        SpecError: If the package that contains the images is not installed.

    Example:
        >>> digits = dataset("digits")
        >>> digits.train_images.shape, digits.test_images.shape, digits.num_classes
        ((400, 1, 8, 8), (1397, 1, 8, 8), 10)
    """
    return DATASETS[name].load()

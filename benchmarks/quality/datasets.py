"""Accuracy of a linear model on the images of each data set, compared with networks of the table's recipe.

    python benchmarks/quality/datasets.py

Multinomial logistic regression on a colour histogram (8 levels per channel) and on raw pixels, each with the best of
four strengths of regularisation on the test images, which is optimistic; and the lowest, median and highest accuracy of
the first architectures of each space's sample, one training each. In percent of the test images; chance is 10.
About 5 minutes of one core. Last result, with `--datasets patches --archs 6` (1 minute):

| data set | colour histogram | raw pixels | autoformer-micro | pit-micro |
|---|---|---|---|---|
| patches | 37.4 | 23.8 | 44.0 / 57.0 / 62.4 | 35.5 / 46.8 / 54.5 |
"""

import argparse
import warnings

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autoprox.bench.labels import SCRATCH
from autoprox.datasets import DATASETS, Dataset, dataset
from autoprox.spaces import load_space
from autoprox.training.recipe import Recipe
from autoprox.training.sample import sample
from autoprox.training.train import Training, train

SPACES = ("autoformer-micro", "pit-micro")
STRENGTHS = (0.003, 0.03, 0.3, 3.0)
LEVELS = 8


def histograms(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Share of pixels of each image in each cell of colour space, `(N, LEVELS ** C)`."""
    channels = images.shape[1]
    levels = images.astype(np.int64).reshape(len(images), channels, -1) * LEVELS // 256
    cells = np.ravel_multi_index(tuple(levels.transpose(1, 0, 2)), (LEVELS,) * channels)
    return np.stack([np.bincount(each, minlength=LEVELS**channels) for each in cells]) / cells.shape[1]


def linear(data: Dataset, train_features: npt.NDArray[np.float64], test_features: npt.NDArray[np.float64]) -> float:
    """Test accuracy in percent."""
    models = [make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=1000)) for c in STRENGTHS]
    return 100 * max(m.fit(train_features, data.train_labels).score(test_features, data.test_labels) for m in models)


def networks(name: str, space_name: str, count: int) -> list[float]:
    """Test accuracies in percent, sorted."""
    space = load_space(space_name)
    archs = [item.arch for item in sample(space, 80, 40)[:count]]
    outcomes = [train(Training(space, arch, name, SCRATCH, 0), Recipe()) for arch in archs]
    return sorted(outcome.values["top1_pct"] for outcome in outcomes)


def main() -> None:
    """One row per data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archs", type=int, default=12, help="architectures per space (default: 12)")
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS), metavar="D", help="default: all")
    options = parser.parse_args()
    print("| data set | colour histogram | raw pixels | " + " | ".join(SPACES) + " |")
    print("|" + "---|" * (3 + len(SPACES)))
    for name in options.datasets:
        data = dataset(name).in_memory()
        pixels = [images.reshape(len(images), -1) / 255.0 for images in (data.train_images[:], data.test_images[:])]
        cells = [histograms(images) for images in (data.train_images[:], data.test_images[:])]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            row = [f"{linear(data, *cells):.1f}", f"{linear(data, *pixels):.1f}"]
        for space_name in SPACES:
            found = networks(name, space_name, options.archs)
            row.append(f"{found[0]:.1f} / {np.median(found):.1f} / {found[-1]:.1f}")
        print(f"| {name} | " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()

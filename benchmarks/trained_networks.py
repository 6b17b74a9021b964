"""Trains the networks of the embedded spaces of bits and ranks, and writes them into the package.

    python benchmarks/trained_networks.py               # all of them, some minutes each
    python benchmarks/trained_networks.py pit-patches   # some of them

One network per family and data set, of a size that trains well on a few hundred images shifted by up to two pixels;
each block starts as the identity. Parameters are from the last step; the test images are used once, for the stated
accuracy. The file of accuracies is written after the checkpoint, so that an interrupted run keeps finished networks.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import torch

from autoprox.base.digest import derived_seed
from autoprox.base.files import write_json
from autoprox.compress.embedded import FOLDER, IMAGES, NETWORKS
from autoprox.datasets import Dataset, dataset
from autoprox.datasets.batches import write_batches
from autoprox.networks import save_checkpoint
from autoprox.spaces import load_space
from autoprox.spaces.trained_spaces import TRAINED
from autoprox.training import Recipe, zero_residual_branches
from autoprox.training.loop import fit, measure

ARCHS: dict[str, dict[str, Any]] = {
    "autoformer": {"hidden_dim": 48, "depth": 6, "mlp_ratio": [2.0] * 6, "num_heads": [4] * 6},
    "pit": {"base_dim": 8, "mlp_ratio": 2, "depth": [2, 3, 2], "num_heads": [2, 4, 4]},
}
SHIFTS = {"digits": (-1, 0, 1), "patches": (-2, 0, 2)}
"""Pixels by which training images are shifted along each edge."""
EPOCHS = {"digits": 16, "patches": 10}
"""Passes over the shifted images."""


@dataclass(frozen=True, eq=False)
class Shifted(Dataset):
    """A data set with one copy of its training images per shift, normalised like the given one.

    Args:
        given: The data set.
    """

    given: Dataset

    @classmethod
    def of(cls, given: Dataset, along: Sequence[int]) -> "Shifted":
        """Shifts the training images; new pixels repeat the edge."""
        images, most = given.train_images[:], max(along)
        size = images.shape[-1]
        padded = np.pad(images, ((0, 0), (0, 0), (most, most), (most, most)), mode="edge")
        shifts = list(product(along, repeat=2))
        shifted = [padded[:, :, most + y : most + y + size, most + x : most + x + size] for y, x in shifts]
        labels = np.tile(given.train_labels, len(shifts))
        tests = given.test_images, given.test_labels
        return cls(given.name, np.concatenate(shifted), labels, *tests, given.num_classes, given)

    @cached_property
    def _moments(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.given._moments


def main() -> None:
    """Trains the requested networks."""
    names = [f"{family}-{data}" for family, data in TRAINED]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=names, metavar="NAME", help=", ".join(names))
    torch.set_num_threads(1)
    write_batches(IMAGES, [dataset(name) for name in dict.fromkeys(data for _, data in TRAINED)])
    for name in parser.parse_args().names:
        family, _, data_name = name.partition("-")
        space, data = load_space(f"{family}-micro"), dataset(data_name)
        arch, task = space.arch(ARCHS[family]), (data.num_classes, data.img_size, data.in_chans)
        network = space.build(arch, *task, seed=derived_seed("trained network", name))
        zero_residual_branches(network)
        recipe, shifts = Recipe(epochs=EPOCHS[data_name], zero_residuals=True), SHIFTS[data_name]
        order = derived_seed("trained network", "order", name)
        if failure := fit(network, Shifted.of(data, shifts), recipe, order):
            raise SystemExit(f"{name}: {failure}")
        save_checkpoint(network, FOLDER / f"{name}.safetensors")
        found = {metric: round(value, 4) for metric, value in measure(network, data).items()}
        known = json.loads(NETWORKS.read_text()) if NETWORKS.exists() else {}
        stated = {"space": space.name, "genes": arch.genes, "task": list(task), **found}
        stated |= {"params": space.params(arch, *task), "shifts": list(shifts), "recipe": recipe.as_dict()}
        write_json(dict(sorted({**known, name: stated}.items())), NETWORKS)
        print(name, stated["params"], found, flush=True)


if __name__ == "__main__":
    main()

"""The spaces around the embedded trained networks, as attributes of this module.

Each space is created on first access from files of the package: a checkpoint, and images for the ranges of activations
and energies of outputs. `autoprox.spaces.trained_spaces` has their names.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.digest import bytes_digest, digest
from autoprox.compress._compressed import CompressedSpace
from autoprox.compress._lowrank_space import lowrank_space
from autoprox.compress._quantised_space import quantised_space
from autoprox.datasets.batches import read_batches
from autoprox.networks import Trained
from autoprox.spaces import TaskShape, load_space
from autoprox.spaces.trained_spaces import EMBEDDED_SPACES

FOLDER = Path(str(package_files("autoprox.compress"))) / "data"
NETWORKS = FOLDER / "networks.json"
"""Description and accuracy of the trained networks."""
IMAGES = FOLDER / "images.npz"
"""Images for ranges and energies, by data set."""
BITS, ACTIVATIONS = (2, 3, 4, 8), 8
RATIOS = (1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 1.0)


@dataclass(frozen=True)
class TrainedNetwork:
    """An embedded trained network.

    Args:
        name: Family and data set.
        space: Name of the space of its architecture.
        genes: Genes of its architecture.
        task: Classes, size and channels of the images.
        top1_pct: Accuracy on the test images, in percent.
        nll: Mean negative log-likelihood of their labels, in nats.
    """

    name: str
    space: str
    genes: dict[str, Any]
    task: TaskShape
    top1_pct: float
    nll: float

    @property
    def checkpoint(self) -> Trained:
        """The trained parameters."""
        return Trained(FOLDER / f"{self.name}.safetensors")

    def build(self) -> nn.Module:
        """Builds the trained network."""
        space = load_space(self.space)
        return self.checkpoint.network(space, space.arch(self.genes), self.task)

    def images(self) -> Tensor:
        """Training images `(32, C, H, W)` of its data set, normalised."""
        dataset = self.name.partition("-")[2]
        return torch.from_numpy(read_batches(IMAGES)[dataset].task(dataset).images)

    @property
    def digest(self) -> str:
        """Digest of architecture, parameters and images; independent of the release of torch."""
        space = load_space(self.space)
        arch = space.arch(self.genes)
        images = bytes_digest(self.images().numpy().tobytes())
        return digest([arch.arch_id, space.identity, list(self.task), self.checkpoint.digest, images])


@cache
def trained_networks() -> dict[str, TrainedNetwork]:
    """The embedded trained networks, by family and data set.

    Example:
        >>> network = trained_networks()["pit-patches"]
        >>> network.task, network.build()(network.images()).shape
        (TaskShape(num_classes=10, img_size=16, in_chans=3), torch.Size([32, 10]))
    """
    stated = json.loads(NETWORKS.read_text())
    return {
        name: TrainedNetwork(
            name, each["space"], each["genes"], TaskShape(*each["task"]), each["top1_pct"], each["nll"]
        )
        for name, each in stated.items()
    }


def __getattr__(name: str) -> CompressedSpace:
    found = {place.partition(":")[2]: space for space, place in EMBEDDED_SPACES.items()}
    if name not in found:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return _space(found[name])


@cache
def _space(name: str) -> CompressedSpace:
    kind, _, of = name.partition("-")
    trained = trained_networks()[of]
    model, images = trained.build(), trained.images()
    made: CompressedSpace = (
        quantised_space(model, images, BITS, ACTIVATIONS, name=name)
        if kind == "mq"
        else lowrank_space(model, images, RATIOS, name=name)
    )
    return replace(made, given=replace(made.given, digest=trained.digest))

"""One training: an architecture, a data set and a seed give an accuracy, or the reason why there is none.

Trainings run one by one in a single thread, and depend on nothing but their own description: not on their order, the
number of processes, or what ran before. Training the seeds of an architecture together (stacked parameters under vmap)
was measured: on one core it is slower for all but the smallest networks.
"""

import time
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from autoprox.base.digest import derived_seed, digest
from autoprox.base.errors import SpecError
from autoprox.base.isolation import isolated
from autoprox.base.threads import single_threaded
from autoprox.bench.schema import LabelKind
from autoprox.datasets import Dataset, LocalImages, dataset
from autoprox.spaces import Arch, Space
from autoprox.training._guidance import Guidance
from autoprox.training._residuals import zero_residual_branches
from autoprox.training._teacher import teaching
from autoprox.training.device import CPU, device_named, kind_of
from autoprox.training.loop import fit, measure
from autoprox.training.recipe import Recipe

TRAINABLE = (LabelKind.SCRATCH, LabelKind.KD)
"""The label kinds that can be trained here."""

_PROBE = 2
# Images that the guidance runs through a student to learn its sizes.


@dataclass(frozen=True, slots=True)
class Training:
    """What is trained, but for the recipe.

    Attributes:
        space: The space of the architecture.
        arch: The architecture.
        dataset: Name of the data set.
        label_kind: How the label comes about.
        train_seed: Number of the repetition, from 0.
        images: Where the images are, if the data set is not one of `DATASETS`.
    """

    space: Space = field(compare=False)
    arch: Arch
    dataset: str
    label_kind: LabelKind
    train_seed: int
    images: LocalImages | None = None

    def data(self) -> Dataset:
        """The data set, loaded once a process.

        Raises:
            RegistryError: If there is no data set of this name.
            SpecError: If the package that holds the images is not installed.
            ImageError: If images of the user cannot be read.
        """
        return dataset(self.dataset) if self.images is None else self.images.load()

    def seed(self, purpose: str) -> int:
        """The seed of one stream of random numbers of this training."""
        return derived_seed("train", purpose, self.arch.arch_id, self.dataset, self.label_kind, self.train_seed)


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a training gave.

    Attributes:
        values: Value of each metric; empty if the training failed.
        failure: Why there are no values; empty if there are.
        seconds: Wall time.
    """

    values: dict[str, float]
    failure: str
    seconds: float


def definition(recipe: Recipe, training: Training, device: str = CPU) -> str:
    """Identity of how a label was made, but for architecture and seed; rows of a table carry it as their source.

    It holds the digests of recipe and data set, the label kind, the identity of the space's networks, and the kind of
    device if it is not the CPU.

    Args:
        recipe: How networks are trained.
        training: What is trained.
        device: On what.

    Raises:
        SpecError: If the device has no valid name.
    """
    space, kind = training.space, training.label_kind
    parts = [recipe.definition(kind), training.data().digest, kind, space.name, space.identity]
    device_kind = kind_of(device)
    return digest(parts if device_kind == CPU else [*parts, device_kind])


def train(training: Training, recipe: Recipe, device: str = CPU) -> TrainingResult:
    """Trains one network and tests it once, at the end.

    Args:
        training: What to train.
        recipe: How.
        device: On what: `cpu`, `cuda` or `cuda:N`. Initialisation and order of the images are the same on all.

    Raises:
        SpecError: If the label kind cannot be trained, the space does not take the data set's images, or there is no
            such device.
        RegistryError: If the data set is unknown.

    Example:
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("autoformer-micro")
        >>> arch = micro.sample(np.random.default_rng(0))
        >>> outcome = train(Training(micro, arch, "digits", LabelKind.SCRATCH, 0), Recipe(epochs=1))
        >>> sorted(outcome.values), outcome.failure
        (['nll', 'top1_pct'], '')
    """
    if training.label_kind not in TRAINABLE:
        raise SpecError(f"Labels of kind '{training.label_kind}' cannot be trained; possible: {', '.join(TRAINABLE)}.")
    place = device_named(device)
    start = time.perf_counter()
    data = training.data()
    # Off the CPU, cuDNN would choose among algorithms by their speed, and some of them add in any order.
    with single_threaded(), isolated(place), torch.backends.cudnn.flags(enabled=True, deterministic=True):
        task, seed = (data.num_classes, data.img_size, data.in_chans), training.seed("parameters")
        network = training.space.build(training.arch, *task, seed=seed).to(place)
        if recipe.zero_residuals:
            zero_residual_branches(network)
        guide = _guide(network, data, training, recipe)
        failure = fit(network, data, recipe, training.seed("order"), guide)
        values = {} if failure else measure(network, data)
    if not failure and not all(np.isfinite(value) for value in values.values()):
        values, failure = {}, "the test loss is not finite"
    return TrainingResult(values, failure, time.perf_counter() - start)


def _guide(network: nn.Module, data: Dataset, training: Training, recipe: Recipe) -> Guidance | None:
    """What the label kind adds to the loss."""
    if training.label_kind is not LabelKind.KD:
        return None
    probe = torch.from_numpy(data.normalised(data.train_images[:_PROBE])).to(next(network.parameters()).device)
    seed = training.seed("projections")
    return Guidance(network, teaching(data, recipe), probe, recipe.distillation, seed)

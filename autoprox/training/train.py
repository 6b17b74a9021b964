"""One training: returns the accuracy of an architecture on a data set for a seed, or the reason for its absence.

A training runs in a single thread. Its result depends on its definition only, not on the order of trainings or the
number of processes. Training all seeds of an architecture together (stacked parameters under vmap) was measured: on one
core it is slower for all except the smallest networks.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch

from autoprox.base.digest import digest
from autoprox.base.isolation import isolated
from autoprox.base.threads import single_threaded
from autoprox.training._one_training import Training
from autoprox.training.device import CPU, device_named, kind_of
from autoprox.training.label_makers import NoLabelError, maker_of
from autoprox.training.loop import measure
from autoprox.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """Result of a training.

    Attributes:
        values: Value of each metric; empty if the training failed.
        failure: Reason of a failure; empty on success.
        seconds: Wall time.
    """

    values: dict[str, float]
    failure: str
    seconds: float


def definition(recipe: Recipe, training: Training, device: str = CPU) -> str:
    """Identity of the origin of a label, without architecture and seed; the column `source` of a table holds it.

    It covers the digests of the maker's settings and of the data set, the label kind, the identity of the space's
    networks, and the kind of device if it is not the CPU.

    Args:
        recipe: Recipe of the training.
        training: The training.
        device: Name of the device.

    Raises:
        SpecError: If the name of the device is invalid.
    """
    space, kind = training.space, training.label_kind
    made = maker_of(kind).definition(recipe)
    parts = [made, training.data().digest, kind.name, space.name, space.identity]
    device_kind = kind_of(device)
    return digest(parts if device_kind == CPU else [*parts, device_kind])


def train(training: Training, recipe: Recipe, device: str = CPU) -> TrainingResult:
    """Makes one network with the maker of its label kind, and tests it once at the end.

    Args:
        training: The training.
        recipe: Recipe of the training.
        device: `cpu`, `cuda` or `cuda:N`. Initialisation and order of the images are the same on all devices.

    Raises:
        SpecError: If the label kind has no maker, or the space does not take the data set's images.
        SpecError: If the device is unavailable.
        RegistryError: If the data set is unknown.

    Example:
        >>> from autoprox.bench.labels import SCRATCH
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("autoformer-micro")
        >>> arch = micro.sample(np.random.default_rng(0))
        >>> outcome = train(Training(micro, arch, "digits", SCRATCH, 0), Recipe(epochs=1))
        >>> sorted(outcome.values), outcome.failure
        (['nll', 'top1_pct'], '')
    """
    maker, place = maker_of(training.label_kind), device_named(device)
    start = time.perf_counter()
    # By default, cuDNN chooses algorithms by speed, and some of them are not deterministic.
    with single_threaded(), isolated(place), torch.backends.cudnn.flags(enabled=True, deterministic=True):
        try:
            values, failure = measure(maker.network(training, recipe, place), maker.tested(training)), ""
        except NoLabelError as error:
            values, failure = {}, str(error)
    if not failure and not all(np.isfinite(value) for value in values.values()):
        values, failure = {}, "the test loss is not finite"
    return TrainingResult(values, failure, time.perf_counter() - start)

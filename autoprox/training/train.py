"""One training: an architecture, a data set and a seed give an accuracy, or the reason why there is no accuracy.

Trainings run one by one in a single thread, and depend on nothing but their own description: not on their order, the
number of processes, or what ran before. Training the seeds of an architecture together (stacked parameters under vmap)
was measured: on one core it is slower for all but the smallest networks.
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
        failure: Why there are no values; empty if there are.
        seconds: Wall time.
    """

    values: dict[str, float]
    failure: str
    seconds: float


def definition(recipe: Recipe, training: Training, device: str = CPU) -> str:
    """Identity of how a label was made, but for architecture and seed; rows of a table carry it as their source.

    It holds the digests of what makes the label and of the data set, the label kind, the identity of the space's
    networks, and the kind of device if it is not the CPU.

    Args:
        recipe: How networks are trained.
        training: What is trained.
        device: On what.

    Raises:
        SpecError: If the device has no valid name.
    """
    space, kind = training.space, training.label_kind
    made = maker_of(kind).definition(recipe)
    parts = [made, training.data().digest, kind.name, space.name, space.identity]
    device_kind = kind_of(device)
    return digest(parts if device_kind == CPU else [*parts, device_kind])


def train(training: Training, recipe: Recipe, device: str = CPU) -> TrainingResult:
    """Makes one network, as its label kind says, and tests it once, at the end.

    Args:
        training: What to train.
        recipe: How.
        device: On what: `cpu`, `cuda` or `cuda:N`. Initialisation and order of the images are the same on all.

    Raises:
        SpecError: If labels of this kind cannot be made here, the space does not take the data set's images, or there
            is not such a device.
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
    # Off the CPU, cuDNN would choose among algorithms by their speed, and some of them add in any order.
    with single_threaded(), isolated(place), torch.backends.cudnn.flags(enabled=True, deterministic=True):
        try:
            values, failure = measure(maker.network(training, recipe, place), maker.tested(training)), ""
        except NoLabelError as error:
            values, failure = {}, str(error)
    if not failure and not all(np.isfinite(value) for value in values.values()):
        values, failure = {}, "the test loss is not finite"
    return TrainingResult(values, failure, time.perf_counter() - start)

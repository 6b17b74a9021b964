"""Trains a supernet: steps with a sampler and a loss, until a budget of passes is spent."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import cos, pi
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.base.digest import derived_seed
from autoprox.base.errors import SpecError
from autoprox.base.isolation import isolated
from autoprox.base.threads import single_threaded
from autoprox.datasets import Dataset
from autoprox.datasets.base import Int64
from autoprox.inspect.batch import logits_of
from autoprox.spaces import Space
from autoprox.supernet._subnets import Subnets
from autoprox.supernet._supernet import Supernet
from autoprox.supernet.samplers import SAMPLERS
from autoprox.supernet.supernet_losses import LOSSES, Prior, SupernetStep
from autoprox.training.step_state import restore_step_state, step_state

HELD_OUT = 10
"""Every tenth training image is held out, for the inherited accuracy in a search."""


@dataclass(frozen=True)
class SupernetPlan:
    """Settings of the training of a supernet.

    Attributes:
        passes: Budget of forward and backward passes of subnets, including teachers and pairs; only complete steps run.
        sampler: Name of the sampler.
        loss: Name of the loss.
        seed: Seed of parameters, draws and the order of images.
        sampler_settings: Further arguments of the sampler.
        loss_settings: Further arguments of the loss.
        batch_size: Images per step.
        learning_rate: Largest learning rate of AdamW.
        warmup: Share of the budget over which the learning rate rises linearly from 0; then it falls by half a cosine.
        weight_decay: Decoupled weight decay.
        label_smoothing: Share of the target that is spread over all classes.
    """

    passes: int
    sampler: str = "uniform"
    loss: str = "plain"
    seed: int = 0
    sampler_settings: Mapping[str, Any] = field(default_factory=dict)
    loss_settings: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 50
    learning_rate: float = 2e-3
    warmup: float = 0.1
    weight_decay: float = 0.05
    label_smoothing: float = 0.1

    def learning_rate_at(self, progress: float) -> float:
        """The learning rate after this share of the budget.

        Example:
            >>> plan = SupernetPlan(100, learning_rate=1.0, warmup=0.5)
            >>> [round(plan.learning_rate_at(share), 3) for share in (0.25, 0.5, 0.75)]
            [0.5, 1.0, 0.5]
        """
        if progress < self.warmup:
            return self.learning_rate * progress / self.warmup
        return self.learning_rate * (1 + cos(pi * (progress - self.warmup) / (1 - self.warmup))) / 2


class SupernetTrainer:
    """Trains a supernet on the training images of a data set, except every tenth, which is held out.

    The same arguments give the same parameters, bit for bit, also across `state` and `restore`.

    Args:
        space: The space.
        data: The data set.
        plan: Settings of the training.
        prior: Prior of subnets, for losses that need one.

    Attributes:
        supernet: The supernet.
        done: Number of completed passes.

    Raises:
        SpecError: If the budget is below one step, or sampler and loss are incompatible.
        SpecError: If the layers of the space are not elastic, or the space does not take the images.
        RegistryError: If the sampler or the loss is unknown.

    Example:
        >>> from autoprox.datasets import dataset
        >>> from autoprox.spaces import load_space
        >>> trainer = SupernetTrainer(load_space("pit-micro"), dataset("digits"), SupernetPlan(passes=2))
        >>> [done for done in trainer.steps()]
        [1, 2]
    """

    def __init__(self, space: Space, data: Dataset, plan: SupernetPlan, prior: Prior | None = None) -> None:
        self.plan = plan
        self.supernet = Supernet(
            space, num_classes=data.num_classes, img_size=data.img_size, in_chans=data.in_chans, seed=plan.seed
        )
        subnets = Subnets(space, self.supernet.task)
        self.sampler = SAMPLERS[plan.sampler](subnets, self._generator("sampler"), **plan.sampler_settings)
        self.loss = LOSSES[plan.loss](subnets, self._generator("loss"), prior, **plan.loss_settings)
        self._step_passes = self.loss.passes(self.sampler.per_step)
        if plan.passes < self._step_passes:
            raise SpecError(
                f"`passes` is {plan.passes}, but one step of the sampler '{plan.sampler}' with the loss '{plan.loss}' "
                f"needs {self._step_passes}. Give more."
            )
        kept, _ = held_out(len(data.train_labels))
        self._images = torch.from_numpy(data.normalised(data.train_images[kept]))
        self._labels = torch.tensor(data.train_labels[kept])
        trained = [self.supernet, *([] if self.loss.teacher is None else [self.loss.teacher])]
        self._parameters = [each for module in trained for each in module.parameters() if each.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=plan.learning_rate, weight_decay=plan.weight_decay, fused=True
        )
        self.done = 0

    @property
    def last(self) -> int:
        """Total number of passes: the budget, rounded down to complete steps."""
        return self.plan.passes - self.plan.passes % self._step_passes

    def steps(self) -> Iterator[int]:
        """Runs the remaining steps; yields the number of completed passes after each.

        Raises:
            SpecError: If the training diverges.
        """
        while self.done < self.last:
            with single_threaded(), isolated(seed=derived_seed("supernet step", self.plan.seed, self.done) % 2**63):
                self._step()
            yield self.done

    def _step(self) -> None:
        progress = self.done / self.last
        archs = self.sampler.ask(progress)
        batch = self._batch(self.done // self._step_passes)
        step = SupernetStep(
            self.supernet, archs, self._images[batch], self._labels[batch], progress, self.plan.label_smoothing
        )
        self._optimizer.param_groups[0]["lr"] = self.plan.learning_rate_at((self.done + self._step_passes) / self.last)
        self._optimizer.zero_grad()
        losses = self.loss.backward(step)
        if not all(map(np.isfinite, losses)):
            raise SpecError(
                f"The training diverged after {self.done} passes: a loss is not finite. Give a lower `learning_rate`."
            )
        self._optimizer.step()
        self.sampler.tell(archs, losses)
        self.done += self._step_passes

    def _batch(self, number: int) -> Tensor:
        """Indices of the images of a step, in a different order for each epoch."""
        per_epoch = -(-len(self._labels) // self.plan.batch_size)
        epoch, place = divmod(number, per_epoch)
        order = self._generator("order", epoch).permutation(len(self._labels))
        return torch.from_numpy(order[place * self.plan.batch_size : (place + 1) * self.plan.batch_size])

    def _generator(self, purpose: str, *parts: int) -> np.random.Generator:
        return np.random.default_rng(derived_seed("supernet", purpose, self.plan.seed, *parts))

    def state(self) -> bytes:
        """The complete state of the training, as the content of a safetensors file."""
        facts = {"done": self.done, "sampler": self.sampler.state(), "loss": self.loss.state()}
        return step_state(self._parameters, [self._optimizer], facts)

    def restore(self, state: bytes) -> None:
        """Restores the state of a training with the same arguments.

        Raises:
            Exception: Any exception for an invalid state; call it inside `autoprox.base.foreign.guarded`.
        """
        facts = restore_step_state(state, self._parameters, [self._optimizer])
        self.sampler.restore(facts["sampler"])
        self.loss.restore(facts["loss"])
        self.done = int(facts["done"])


def held_out(count: int) -> tuple[Int64, Int64]:
    """Indices of the training images to train on, and of those held out.

    Example:
        >>> [each.tolist() for each in held_out(11)]
        [[0, 1, 2, 3, 4, 5, 6, 7, 8, 10], [9]]
    """
    places = np.arange(count)
    last = places % HELD_OUT == HELD_OUT - 1
    return places[~last], places[last]


def accuracy(network: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 500) -> float:
    """Top-1 accuracy in percent.

    Args:
        network: A network in evaluation mode.
        images: `(N, C, H, W)`, normalised.
        labels: `(N,)`.
        batch_size: Images per batch.

    Example:
        >>> accuracy(nn.Identity(), torch.eye(4), torch.tensor([0, 1, 2, 0]))
        75.0
    """
    with torch.no_grad():
        found = torch.cat([logits_of(network(batch)).argmax(dim=1) for batch in torch.split(images, batch_size)])
    return 100.0 * float((found == labels).double().mean())

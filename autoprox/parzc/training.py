"""Fitting one network to the labels of some architectures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from autoprox.parzc.losses import Loss
from autoprox.parzc.mabn import AbstractAggregator


@dataclass(frozen=True)
class Data:
    """Architectures with labels.

    Attributes:
        statistics: `(n, L, S)`, scaled.
        mask: `(n, L)`, True where there is a node.
        targets: `(n,)`, of unit variance.
        groups: `(n,)`; architectures of different groups are never compared.
    """

    statistics: Tensor
    mask: Tensor
    targets: Tensor
    groups: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, index: Tensor) -> "Data":
        """Some of the architectures."""
        return Data(self.statistics[index], self.mask[index], self.targets[index], self.groups[index])


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes:
        steps: Steps of the optimiser.
        learning_rate: Its largest learning rate; it rises and falls once (Smith 2018, one cycle).
        batch_size: Architectures a step; all of them if there are no more.
        kl_weight: Weight of KL / n beside the loss: the temperature of the posterior.
    """

    steps: int
    learning_rate: float
    batch_size: int
    kl_weight: float


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds torch's CPU generator inside, and leaves it as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def train(
    network: AbstractAggregator, data: Data, loss: Loss, schedule: Schedule, tick: Callable[[], object] = lambda: None
) -> AbstractAggregator:
    """Minimises loss + kl_weight * KL / n with Adam; call it inside `seeded`.

    With a loss that is no likelihood this is a Gibbs posterior (Bissiri 2016, https://arxiv.org/abs/1306.6430).

    Args:
        network: What to fit; changed in place.
        data: `n` architectures.
        loss: The loss.
        schedule: How long and how fast.
        tick: Called after every step.

    Returns:
        The network, in evaluation mode.
    """
    network.train()
    parameters = list(network.parameters())
    optimiser = torch.optim.Adam(parameters, lr=schedule.learning_rate, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, schedule.learning_rate, total_steps=schedule.steps + 1)
    batches = _batches(data, schedule)
    for step in range(schedule.steps):
        batch = next(batches)
        scores = network(batch.statistics, batch.mask)
        value = loss(scores, batch.targets, groups=batch.groups, progress=step / schedule.steps)
        if schedule.kl_weight:
            value = value + schedule.kl_weight / len(data) * network.kl()
        optimiser.zero_grad()
        torch.autograd.backward(value)
        optimiser.step()
        cycle.step()
        tick()
    return network.eval()


def _batches(data: Data, schedule: Schedule) -> Iterator[Data]:
    """All rows every time, or rows in random order without repetition until too few are left for another batch."""
    if len(data) <= schedule.batch_size:
        while True:
            yield data
    while True:
        order = torch.randperm(len(data))
        for start in range(0, len(data) - schedule.batch_size + 1, schedule.batch_size):
            yield data.rows(order[start : start + schedule.batch_size])

"""Trains networks on the labels of architectures."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.predict.parzc._mabn import AbstractAggregator
from autoprox.predict.parzc._predictor_losses import PredictorLoss, ignores_level


@dataclass(frozen=True)
class Data:
    """Architectures with labels.

    Attributes:
        statistics: `(n, L, S)`, scaled.
        mask: `(n, L)`, True for present nodes.
        targets: `(n,)`, of unit variance.
        groups: `(n,)`; architectures of different groups are never compared.
        offsets: `(n,)`, given predictions of the targets, to which a network learns a correction.
    """

    statistics: Tensor
    mask: Tensor
    targets: Tensor
    groups: Tensor
    offsets: Tensor

    @classmethod
    def of(cls, statistics: Tensor, mask: Tensor, targets: Tensor, groups: Tensor) -> "Data":
        """Data with offsets of 0."""
        return cls(statistics, mask, targets, groups, torch.zeros_like(targets))

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, index: Tensor) -> "Data":
        """Some of the architectures."""
        return Data(
            self.statistics[index], self.mask[index], self.targets[index], self.groups[index], self.offsets[index]
        )


@dataclass(frozen=True)
class Schedule:
    """Length and rates of a training.

    Attributes:
        steps: Number of optimiser steps.
        learning_rate: Largest learning rate of one cycle (Smith 2018).
        batch_size: Architectures per step; all of them if there are fewer.
        kl_weight: Weight of KL / n added to the loss: the temperature of the posterior.
    """

    steps: int
    learning_rate: float
    batch_size: int
    kl_weight: float


def train(
    networks: Sequence[AbstractAggregator],
    parts: Sequence[Data],
    loss: PredictorLoss,
    schedule: Schedule,
    tick: Callable[[], object] = lambda: None,
) -> None:
    """Minimises loss + kl_weight * KL / n with Adam, for several independent networks at once, inside `isolated`.

    The networks have the same structure and are small, so that a step of all takes little longer than a step of one.
    With a loss that is not a likelihood, this is a Gibbs posterior (Bissiri 2016, https://arxiv.org/abs/1306.6430).

    A loss that only compares scores does not depend on their level. The gradient of the output bias is then pure
    rounding error, which Adam would scale to full steps, so that the bias would depend on the processor. Therefore the
    bias is frozen for such a loss.

    Args:
        networks: Networks to train in place; in evaluation mode afterwards.
        parts: Training architectures of each network.
        loss: The loss.
        schedule: Length and rates of the training.
        tick: Called after every step.
    """
    stacked = [_WithKl(network.train()) for network in networks]
    parameters, buffers = torch.func.stack_module_state(stacked)
    sizes = torch.tensor([float(len(part)) for part in parts])
    batches = _batches(parts, schedule.batch_size)
    first = next(batches)
    if ignores_level(loss, first.targets, first.groups):
        parameters[f"network.{networks[0].level}"].requires_grad = False
    trained = [each for each in parameters.values() if each.requires_grad]
    optimiser = torch.optim.Adam(trained, lr=schedule.learning_rate, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, schedule.learning_rate, total_steps=schedule.steps + 1)

    def outcome(own: dict[str, Tensor], held: dict[str, Tensor], statistics: Tensor, mask: Tensor) -> Any:
        return torch.func.functional_call(stacked[0], (own, held), (statistics, mask))

    together = torch.func.vmap(outcome, randomness="different")
    for step, batch in zip(range(schedule.steps), chain([first], batches), strict=False):
        scores, kl = together(parameters, buffers, batch.statistics, batch.mask)
        # A sum over networks, so that the gradient of each is the same as alone; losses are means.
        scores = scores + batch.offsets
        value = len(parts) * loss(scores, batch.targets, groups=batch.groups, progress=step / schedule.steps)
        if schedule.kl_weight:
            value = value + schedule.kl_weight * (kl / sizes).sum()
        optimiser.zero_grad()
        torch.autograd.backward(value)
        optimiser.step()
        cycle.step()
        tick()
    for index, each in enumerate(stacked):
        each.load_state_dict({name: value.detach()[index] for name, value in (parameters | buffers).items()})
        each.eval()


class _WithKl(nn.Module):
    """A network that returns its scores and its divergence from the prior."""

    def __init__(self, network: AbstractAggregator) -> None:
        super().__init__()
        self.network = network

    def forward(self, statistics: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return self.network(statistics, mask), self.network.kl()


def _batches(parts: Sequence[Data], wanted: int) -> Iterator[Data]:
    """Batches with equal numbers of rows per network, `(networks, batch, ...)`: all rows, or random ones.

    Rows are not repeated within a batch. Networks with one row more than others leave out a different one each time.
    """
    size = min(wanted, *(len(part) for part in parts))
    if all(len(part) == size for part in parts):
        whole = _stacked(parts)
        while True:
            yield whole
    streams = [_stream(len(part), size) for part in parts]
    while True:
        yield _stacked([part.rows(next(stream)) for part, stream in zip(parts, streams, strict=True)])


def _stream(rows: int, size: int) -> Iterator[Tensor]:
    """Batches of shuffled row numbers; reshuffled when too few are left."""
    while True:
        order = torch.randperm(rows)
        for start in range(0, rows - size + 1, size):
            yield order[start : start + size]


def _stacked(parts: Sequence[Data]) -> Data:
    return Data(
        torch.stack([part.statistics for part in parts]),
        torch.stack([part.mask for part in parts]),
        torch.stack([part.targets for part in parts]),
        torch.stack([part.groups for part in parts]),
        torch.stack([part.offsets for part in parts]),
    )

"""Fitting networks to the labels of some architectures."""

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
        mask: `(n, L)`, True where there is a node.
        targets: `(n,)`, of unit variance.
        groups: `(n,)`; architectures of different groups are never compared.
        offsets: `(n,)`, what is known of the targets already: a network learns what to add.
    """

    statistics: Tensor
    mask: Tensor
    targets: Tensor
    groups: Tensor
    offsets: Tensor

    @classmethod
    def of(cls, statistics: Tensor, mask: Tensor, targets: Tensor, groups: Tensor) -> "Data":
        """Data of which nothing is known yet."""
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


def train(
    networks: Sequence[AbstractAggregator],
    parts: Sequence[Data],
    loss: PredictorLoss,
    schedule: Schedule,
    tick: Callable[[], object] = lambda: None,
) -> None:
    """Minimises loss + kl_weight * KL / n with Adam, for several networks of one form at once, inside `isolated`.

    The networks know nothing of each other: one step for all of them takes little longer than one for a single one,
    because they are small. With a loss that is not a likelihood this is a Gibbs posterior (Bissiri 2016,
    https://arxiv.org/abs/1306.6430).

    A loss that only compares scores says nothing about their level. The gradient of the output bias is then rounding
    error, of which Adam makes steps as long as any other, so that the bias would depend on the processor: such a loss
    leaves it as it is.

    Args:
        networks: What to fit; changed in place and left in evaluation mode.
        parts: For each network the architectures that it sees.
        loss: The loss.
        schedule: How long and how fast.
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
        # A sum over networks, so that each has the gradient that it would have alone; losses are means.
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
    """A network that gives its divergence from the prior beside the scores."""

    def __init__(self, network: AbstractAggregator) -> None:
        super().__init__()
        self.network = network

    def forward(self, statistics: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return self.network(statistics, mask), self.network.kl()


def _batches(parts: Sequence[Data], wanted: int) -> Iterator[Data]:
    """For every network as many rows, `(networks, batch, ...)`: all it sees, or some in random order, none repeated.

    Networks that see one row more than others leave out another one each time.
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
    """Batches of row numbers: shuffled, and shuffled again when too few are left."""
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

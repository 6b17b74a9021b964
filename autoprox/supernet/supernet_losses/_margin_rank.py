"""Margin ranking of RD-NAS (https://arxiv.org/abs/2301.09850): the further apart, the larger the gap of losses."""

from typing import ClassVar

import numpy as np
from torch.autograd import backward

from autoprox.base.errors import SpecError
from autoprox.supernet._subnets import Subnets
from autoprox.supernet.samplers import Distance, GroupDistance
from autoprox.supernet.supernet_losses._loss import AbstractLoss, Prior, SupernetStep
from autoprox.supernet.supernet_losses._ranked_pairs import Mode, check_mode, ranking
from autoprox.supernet.supernet_losses._schedules import SCHEDULES


class MarginRank(AbstractLoss):
    """Cross entropy of both subnets of a pair, whose losses are to be apart by a margin as a prior ranks them.

    Args:
        subnets: Of what the supernet was made for.
        rng: Not drawn from.
        prior: By which pairs are ranked.
        distance: How far two subnets are apart; the group distance if None.
        margin: Nats by which losses are to differ for each unit of distance. `paper` has none.
        schedule: Name of the weight of the ranking terms in the course of the training.
        mode: What gets gradients of the ranking terms; see `Mode`.

    Raises:
        SpecError: If there is no prior, or a setting is not one.
        RegistryError: If there is no such schedule.
    """

    name: ClassVar[str] = "margin-rank"
    guided: ClassVar[bool] = True

    def __init__(
        self,
        subnets: Subnets,
        rng: np.random.Generator,
        prior: Prior | None = None,
        distance: Distance | None = None,
        margin: float = 0.01,
        schedule: str = "ramp",
        mode: Mode = "one_sided",
    ) -> None:
        super().__init__(subnets, rng, prior)
        if margin < 0:
            raise SpecError(f"The `margin` must be at least 0, not {margin}.")
        check_mode(mode)
        self.distance = distance or GroupDistance(subnets)
        self.margin = 0.0 if mode == "paper" else margin
        self.mode, self.weight = mode, SCHEDULES[schedule]

    def backward(self, step: SupernetStep) -> list[float]:
        """For each pair, both cross entropies and the weighted ranking term."""
        self.passes(len(step.archs))
        found = []
        for pair in zip(step.archs[::2], step.archs[1::2], strict=True):
            losses = [step.entropy(step.logits(arch)) for arch in pair]
            total = losses[0] + losses[1]
            ranked = ranking(self.prior(pair[0]), self.prior(pair[1]), self.mode)
            if ranked is not None:
                margin = self.margin * self.distance(*pair)
                term = ranked.term(losses[ranked.moved], losses[1 - ranked.moved], margin)
                total = total + self.weight(step.progress) * term
            backward(total)
            found += [float(loss.detach()) for loss in losses]
        return found

    def passes(self, count: int) -> int:
        """One for each subnet.

        Raises:
            SpecError: If they do not make pairs.
        """
        if count % 2:
            raise SpecError(
                f"The loss '{self.name}' ranks pairs, and the sampler proposes {count} subnet{'s'[: count > 1]} each "
                "step. Take the sampler 'margin', or another with an even number."
            )
        return count

"""Margin ranking of RD-NAS (https://arxiv.org/abs/2301.09850): the gap of losses grows with the distance of subnets."""

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
    """Cross entropies of both subnets of a pair, plus a term that ranks their losses by a prior with a margin.

    Args:
        subnets: Subnets of the supernet.
        rng: Unused.
        prior: Prior that ranks pairs.
        distance: Distance of two subnets; the group distance if None.
        margin: Margin between losses in nats per unit of distance. No margin in the mode `paper`.
        schedule: Name of the schedule of the ranking terms' weight.
        mode: Receivers of the gradients of ranking terms; see `Mode`.

    Raises:
        SpecError: If there is no prior, or a setting is invalid.
        RegistryError: If the schedule is unknown.
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
        """One pass per subnet.

        Raises:
            SpecError: If the number of subnets is odd.
        """
        if count % 2:
            raise SpecError(
                f"The loss '{self.name}' ranks pairs, but the sampler proposes {count} subnet{'s'[: count > 1]} per "
                "step. Choose the sampler 'margin', or another with an even number."
            )
        return count

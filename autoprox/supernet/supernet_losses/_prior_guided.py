"""Prior-guided pairwise ranking of PGONAS (https://arxiv.org/abs/2206.13329)."""

from typing import ClassVar

import numpy as np
import torch
from torch.autograd import backward

from autoprox.base.errors import SpecError
from autoprox.supernet._subnets import Subnets
from autoprox.supernet.supernet_losses._inplace import Inplace
from autoprox.supernet.supernet_losses._loss import Prior, SupernetStep
from autoprox.supernet.supernet_losses._ranked_pairs import Mode, check_mode, ranking
from autoprox.supernet.supernet_losses._schedules import SCHEDULES


class PriorGuided(Inplace):
    """In-place distillation, plus terms that rank the losses of random pairs of subnets by a prior.

    Args:
        subnets: The subnets to draw pairs from.
        rng: Generator of the draws of pairs.
        prior: Prior that ranks pairs.
        pairs: Pairs per step; 2 as released.
        schedule: Name of the schedule of the ranking terms' weight.
        mode: Receivers of gradients; see `Mode`.

    Raises:
        SpecError: If there is no prior, or a setting is invalid.
        RegistryError: If the schedule is unknown.
    """

    name: ClassVar[str] = "prior-guided"
    guided: ClassVar[bool] = True

    def __init__(
        self,
        subnets: Subnets,
        rng: np.random.Generator,
        prior: Prior | None = None,
        pairs: int = 2,
        schedule: str = "ramp",
        mode: Mode = "one_sided",
    ) -> None:
        super().__init__(subnets, rng, prior)
        if pairs < 1:
            raise SpecError(f"`pairs` must be at least 1, not {pairs}.")
        check_mode(mode)
        self.pairs, self.mode, self.weight = pairs, mode, SCHEDULES[schedule]

    def backward(self, step: SupernetStep) -> list[float]:
        """In-place distillation, then the weighted sum of the ranking terms."""
        found = super().backward(step)
        for _ in range(self.pairs):
            self._rank(step)
        return found

    def _rank(self, step: SupernetStep) -> None:
        pair = self.subnets.draw(self.rng), self.subnets.draw(self.rng)
        ranked = ranking(self.prior(pair[0]), self.prior(pair[1]), self.mode)
        if ranked is None:
            return
        with torch.no_grad():
            held = step.entropy(step.logits(pair[1 - ranked.moved]))
        moved = step.entropy(step.logits(pair[ranked.moved]))
        term = self.weight(step.progress) * ranked.term(moved, held)
        if term > 0:
            backward(term)

    def passes(self, count: int) -> int:
        """One pass per subnet, plus two per pair."""
        return count + 2 * self.pairs

"""The balanced sampler of PGONAS (https://arxiv.org/abs/2206.13329): expensive subnets are trained more often."""

from typing import ClassVar

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.spaces import Arch
from autoprox.supernet._subnets import Subnets
from autoprox.supernet.samplers._sandwich import Sandwich


class Balanced(Sandwich):
    """A sandwich with random subnets that are drawn from several candidates in proportion to multiply-accumulates.

    Args:
        subnets: The subnets to draw from.
        rng: Generator of all draws.
        count: Subnets per step, at least 2.
        among: Number of candidates for each random subnet; 3 as released.
    """

    name: ClassVar[str] = "balanced"

    def __init__(self, subnets: Subnets, rng: np.random.Generator, count: int = 4, among: int = 3) -> None:
        super().__init__(subnets, rng, count)
        if among < 1:
            raise SpecError(f"A balanced sampler draws among at least 1 subnet, not {among}.")
        self.among = among

    def middle(self) -> Arch:
        """Draws one of several candidates."""
        drawn = [self.subnets.draw(self.rng) for _ in range(self.among)]
        costs = np.array([self.subnets.macs(arch) for arch in drawn], dtype=np.float64)
        return drawn[int(self.rng.choice(self.among, p=costs / costs.sum()))]

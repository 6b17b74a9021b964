"""The sandwich rule: the largest, the smallest and random subnets (Yu 2019, https://arxiv.org/abs/1903.05134)."""

from typing import ClassVar

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.spaces import Arch
from autoprox.supernet._subnets import Subnets
from autoprox.supernet.samplers._sampler import AbstractSampler


class Sandwich(AbstractSampler):
    """The largest subnet, the smallest, and random ones.

    Args:
        subnets: The subnets to draw from.
        rng: Generator of all draws.
        count: Subnets per step, at least 2.

    Raises:
        SpecError: If `count` is below 2.
    """

    name: ClassVar[str] = "sandwich"

    def __init__(self, subnets: Subnets, rng: np.random.Generator, count: int = 4) -> None:
        super().__init__(subnets, rng)
        if count < 2:
            raise SpecError(f"A sandwich needs at least 2 subnets per step, not {count}.")
        self.count = count

    @property
    def per_step(self) -> int:
        """Number of subnets per step."""
        return self.count

    def ask(self, progress: float) -> list[Arch]:  # noqa: ARG002
        """The largest subnet, the smallest, then random ones."""
        middle = [self.middle() for _ in range(self.count - 2)]
        return [self.subnets.largest, self.subnets.smallest, *middle]

    def middle(self) -> Arch:
        """A random subnet."""
        return self.subnets.draw(self.rng)

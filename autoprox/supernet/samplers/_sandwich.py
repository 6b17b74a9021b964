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
        subnets: What it draws from.
        rng: Where all its draws come from.
        count: Subnets of a step, at least 2.

    Raises:
        SpecError: If there are fewer.
    """

    name: ClassVar[str] = "sandwich"

    def __init__(self, subnets: Subnets, rng: np.random.Generator, count: int = 4) -> None:
        super().__init__(subnets, rng)
        if count < 2:
            raise SpecError(f"A sandwich needs at least 2 subnets each step, not {count}.")
        self.count = count

    @property
    def per_step(self) -> int:
        """How many subnets a step has."""
        return self.count

    def ask(self, progress: float) -> list[Arch]:  # noqa: ARG002
        """The largest first, then the smallest."""
        middle = [self.middle() for _ in range(self.count - 2)]
        return [self.subnets.largest, self.subnets.smallest, *middle]

    def middle(self) -> Arch:
        """A subnet between the two."""
        return self.subnets.draw(self.rng)

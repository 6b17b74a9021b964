"""Uniform sampling: one random subnet per step (Guo 2020, SPOS, https://arxiv.org/abs/1904.00420)."""

from typing import ClassVar

from autoprox.spaces import Arch
from autoprox.supernet.samplers._sampler import AbstractSampler


class Uniform(AbstractSampler):
    """Draws one subnet per step, with uniform and independent genes."""

    name: ClassVar[str] = "uniform"

    @property
    def per_step(self) -> int:
        """Number of subnets per step."""
        return 1

    def ask(self, progress: float) -> list[Arch]:  # noqa: ARG002
        """One subnet."""
        return [self.subnets.draw(self.rng)]

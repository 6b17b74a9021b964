"""Complexity-aware sampling of ElasticViT (https://arxiv.org/abs/2303.09730): subnets of a step have similar costs.

The published banks are windows of FLOPs of ImageNet networks; here they are quantiles of the space.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.spaces import Arch
from autoprox.supernet._subnets import Subnets
from autoprox.supernet.samplers._sampler import AbstractSampler

TIERS = 3
"""Number of tiers of neighbouring banks, each with its own smallest subnet."""


class ComplexityAware(AbstractSampler):
    """Random subnets from one bank of cost, and the smallest subnet of its tier.

    The bank follows a lazy random walk: each step moves it by -1, 0 or 1; at either end, 0 has twice the probability.

    Args:
        subnets: The subnets to draw from.
        rng: Generator of all draws.
        count: Subnets per step, at least 2; the last one is the smallest of the tier.
        banks: Number of banks, at least the number of tiers.

    Raises:
        SpecError: If a number is too small, or the space is too small for so many banks.
    """

    name: ClassVar[str] = "complexity"

    def __init__(self, subnets: Subnets, rng: np.random.Generator, count: int = 4, banks: int = 6) -> None:
        super().__init__(subnets, rng)
        if count < 2:
            raise SpecError(f"A step needs at least 2 subnets, not {count}.")
        if banks < TIERS:
            raise SpecError(f"There must be at least {TIERS} banks, not {banks}.")
        if len(subnets.pool) < banks:
            raise SpecError(
                f"The space '{subnets.space.name}' has too few architectures for {banks} banks. Choose fewer."
            )
        self.count = count
        self.banks = subnets.banks(banks)
        self.bank = int(rng.integers(banks))

    @property
    def per_step(self) -> int:
        """Number of subnets per step."""
        return self.count

    def ask(self, progress: float) -> list[Arch]:
        """Subnets of one bank, then the smallest of its tier."""
        self.bank = self._moved()
        members = [self.member(progress) for _ in range(self.count - 1)]
        return [*members, self.smallest()]

    def member(self, progress: float) -> Arch:  # noqa: ARG002 - subclasses read it
        """A random subnet of the bank."""
        return self.random_member()

    def random_member(self) -> Arch:
        """A random subnet of the bank."""
        bank = self.banks[self.bank]
        return bank[int(self.rng.integers(len(bank)))]

    def smallest(self) -> Arch:
        """The smallest subnet of the bank's tier; for the lowest tier, that of the whole space."""
        tier = self.bank * TIERS // len(self.banks)
        first = -(-tier * len(self.banks) // TIERS)
        return self.subnets.smallest if tier == 0 else self.banks[first][0]

    def _moved(self) -> int:
        last = len(self.banks) - 1
        moves = (0, 0, 1) if self.bank == 0 else (-1, 0, 0) if self.bank == last else (-1, 0, 1)
        return self.bank + moves[int(self.rng.integers(3))]

    def state(self) -> dict[str, Any]:
        """The generator and the bank."""
        return {**super().state(), "bank": self.bank}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores generator and bank."""
        super().restore(state)
        self.bank = int(state["bank"])

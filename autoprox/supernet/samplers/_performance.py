"""Performance-aware sampling of ElasticViT (https://arxiv.org/abs/2303.09730), based on complexity-aware sampling.

Each bank has a memory of its best subnets. With a probability that grows during training, a subnet is drawn from the
memory. Otherwise several random subnets are drawn, and a preference selects one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.spaces import Arch
from autoprox.supernet._subnets import Subnets
from autoprox.supernet.samplers._complexity import ComplexityAware

Preference = Callable[[Arch], float]
"""From a subnet to its preference, higher is preferred; any score of architectures works."""

FIRST_PROBABILITY, GROWTH, STAGES = 0.2, 0.15, 6
"""Probability of a draw from the memory: 0.2, plus 0.15 after each sixth of the training (as released: 100 of 600
epochs)."""


class Performance(ComplexityAware):
    """Random subnets of a bank, increasingly often those that performed well.

    Args:
        subnets: The subnets to draw from.
        rng: Generator of all draws.
        count: Subnets per step.
        banks: Number of banks.
        memory: Size of the memory of each bank.
        among: Number of random subnets among which the preference selects; 5 as released.
        prefer: The preference; for wide and shallow subnets if None, as published.

    Raises:
        SpecError: If a number is too small.
        SpecError: If `prefer` is None, and the space has no features `depth` and `mean_width`.
    """

    name: ClassVar[str] = "performance"

    def __init__(
        self,
        subnets: Subnets,
        rng: np.random.Generator,
        count: int = 4,
        banks: int = 6,
        memory: int = 20,
        among: int = 5,
        prefer: Preference | None = None,
    ) -> None:
        super().__init__(subnets, rng, count, banks)
        if memory < 2:
            raise SpecError(f"A memory holds at least 2 subnets, not {memory}.")
        if among < 1:
            raise SpecError(f"The preference chooses among at least 1 subnet, not {among}.")
        self.memory, self.among = memory, among
        self.prefer = prefer or wide_and_shallow(subnets)
        self.remembered: list[dict[Arch, float]] = [{} for _ in self.banks]

    def member(self, progress: float) -> Arch:
        """A subnet from the memory, or the preferred one of several random subnets."""
        known = self.remembered[self.bank]
        if 2 * len(known) > self.memory and self.rng.random() < probability(progress):
            archs, scores = list(known), np.array(list(known.values()))
            weights = np.exp(scores - scores.max())
            return archs[int(self.rng.choice(len(archs), p=weights / weights.sum()))]
        return max((self.random_member() for _ in range(self.among)), key=self.prefer)

    def tell(self, archs: Sequence[Arch], losses: Sequence[float]) -> None:
        """Adds the members of the bank to its memory, and removes the worst if it is full."""
        known = self.remembered[self.bank]
        for arch, loss in zip(archs[: self.count - 1], losses, strict=False):
            known[arch] = -float(loss)
            if len(known) > self.memory:
                del known[min(known, key=known.__getitem__)]

    def state(self) -> dict[str, Any]:
        """The state of the walk, and the memories."""
        memories = [[[arch.json, score] for arch, score in known.items()] for known in self.remembered]
        return {**super().state(), "memories": memories}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores the walk and the memories."""
        super().restore(state)
        parse = self.subnets.space.parse
        self.remembered = [{parse(text): float(score) for text, score in known} for known in state["memories"]]


def probability(progress: float) -> float:
    """Probability of a draw from the memory.

    Example:
        >>> [round(probability(share), 2) for share in (0.0, 0.5, 1.0)]
        [0.2, 0.65, 1.0]
    """
    return min(1.0, FIRST_PROBABILITY + GROWTH * int(progress * STAGES))


def wide_and_shallow(subnets: Subnets) -> Preference:
    """The published preference: small cost by depth and large cost by width, relative to an anchor.

    With the cost F = depth x width^2, it prefers a small F(depth, anchor's width) - F(anchor's depth, width). The
    anchor is the smallest subnet.

    Raises:
        SpecError: If the space has no features `depth` and `mean_width`.
    """
    anchor = subnets.space.features(subnets.smallest)
    if missing := sorted({"depth", "mean_width"} - set(anchor)):
        raise SpecError(
            f"The space '{subnets.space.name}' has no feature '{missing[0]}', which the preference for wide and "
            "shallow subnets needs. Give another preference (`prefer`)."
        )

    def preference(arch: Arch) -> float:
        own = subnets.space.features(arch)
        return anchor["depth"] * own["mean_width"] ** 2 - own["depth"] * anchor["mean_width"] ** 2

    return preference

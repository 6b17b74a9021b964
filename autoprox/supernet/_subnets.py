"""Subnets of a supernet for samplers, with their costs."""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np

from autoprox.base.digest import derived_seed
from autoprox.spaces import Arch, Space, TaskShape
from autoprox.supernet._covering import extreme

POOL = 2_000
"""Number of random subnets that represent the sizes of a space."""


class Subnets:
    """The subnets of a space for one task.

    Args:
        space: The space.
        task: Task of the supernet.

    Example:
        >>> from autoprox.spaces import load_space
        >>> subnets = Subnets(load_space("pit-micro"), TaskShape(10, 8, 1))
        >>> subnets.macs(subnets.smallest) < subnets.macs(subnets.largest)
        True
    """

    def __init__(self, space: Space, task: TaskShape) -> None:
        self.space = space
        self.task = task
        self._macs: dict[Arch, int] = {}

    def macs(self, arch: Arch) -> int:
        """Multiply-accumulates of one image."""
        if arch not in self._macs:
            self._macs[arch] = self.space.counts(arch, *self.task).macs
        return self._macs[arch]

    def draw(self, rng: np.random.Generator) -> Arch:
        """A random subnet."""
        return self.space.sample(rng)

    @cached_property
    def pool(self) -> tuple[Arch, ...]:
        """Distinct random subnets in order of increasing cost; deterministic."""
        rng = np.random.default_rng(derived_seed("subnets", self.space.name))
        drawn = dict.fromkeys(self.space.sample(rng) for _ in range(POOL))
        return tuple(sorted(drawn, key=self.macs))

    @cached_property
    def smallest(self) -> Arch:
        """The subnet of the smallest choices; if the space does not allow it, the cheapest in the pool."""
        return extreme(self.space, min) or self.pool[0]

    @cached_property
    def largest(self) -> Arch:
        """The subnet of the largest choices; if the space does not allow it, the most expensive in the pool."""
        return extreme(self.space, max) or self.pool[-1]

    def banks(self, count: int) -> list[Sequence[Arch]]:
        """The pool, split into `count` banks of equal size in order of increasing cost."""
        bounds = np.linspace(0, len(self.pool), count + 1).round().astype(int)
        return [self.pool[low:high] for low, high in pairwise(bounds)]

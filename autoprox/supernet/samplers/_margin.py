"""The margin subnet sampler of RD-NAS (https://arxiv.org/abs/2301.09850): pairs of distant subnets."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any, ClassVar

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.spaces import Arch
from autoprox.supernet._subnets import Subnets
from autoprox.supernet.samplers._sampler import AbstractSampler

Distance = Callable[[Arch, Arch], float]
"""Distance of two subnets."""

W_IN, W_OUT = 0.5, 2.0
"""Weights of a difference within a group and across groups, as released."""
CALIBRATION = 500
"""Number of random pairs; their mean distance is the default margin."""


class MarginPairs(AbstractSampler):
    """Pairs of random subnets with at least a minimum distance.

    Args:
        subnets: The subnets to draw from.
        rng: Generator of all draws.
        pairs: Pairs per step; the two subnets of a pair are consecutive.
        distance: Distance of two subnets; the group distance if None.
        threshold: Minimum distance; the mean distance of random pairs if None.
        tries: Maximum number of random pairs to draw; without a sufficient distance, the most distant pair is taken.

    Raises:
        SpecError: If a number is too small.
    """

    name: ClassVar[str] = "margin"

    def __init__(
        self,
        subnets: Subnets,
        rng: np.random.Generator,
        pairs: int = 2,
        distance: Distance | None = None,
        threshold: float | None = None,
        tries: int = 50,
    ) -> None:
        super().__init__(subnets, rng)
        if pairs < 1:
            raise SpecError(f"A step needs at least 1 pair, not {pairs}.")
        if tries < 1:
            raise SpecError(f"At least 1 pair must be tried, not {tries}.")
        self.pairs, self.tries = pairs, tries
        self.distance = distance or GroupDistance(subnets)
        self.threshold = self._mean_distance() if threshold is None else threshold

    @property
    def per_step(self) -> int:
        """Number of subnets per step."""
        return 2 * self.pairs

    def ask(self, progress: float) -> list[Arch]:  # noqa: ARG002
        """The subnets of all pairs in order."""
        return [arch for _ in range(self.pairs) for arch in self._pair()]

    def _pair(self) -> tuple[Arch, Arch]:
        found: list[tuple[Arch, Arch]] = []
        for _ in range(self.tries):
            pair = self.subnets.draw(self.rng), self.subnets.draw(self.rng)
            found.append(pair)
            if self.distance(*pair) >= self.threshold:
                return pair
        return max(found, key=lambda pair: self.distance(*pair))

    def _mean_distance(self) -> float:
        rng = np.random.default_rng(0)  # a fixed seed: the margin belongs to the space, not to the run
        draw = self.subnets.draw
        return float(np.mean([self.distance(draw(rng), draw(rng)) for _ in range(CALIBRATION)]))


class GroupDistance:
    """Weighted count of the places in which the genes of two subnets differ.

    A place has the weight `w_out` for a gene of capacity, and `w_in` for a gene of shape. Places that only one subnet
    has count as different.

    Args:
        subnets: Subnets of the space.
        capacity: Names of the genes of capacity; those with one value for the whole network if None.
        w_in: Weight of a difference in shape.
        w_out: Weight of a difference in capacity.

    Example:
        >>> from autoprox.spaces import TaskShape, load_space
        >>> micro = load_space("autoformer-micro")
        >>> far = GroupDistance(Subnets(micro, TaskShape(10, 8, 1)))
        >>> genes = {"hidden_dim": 24, "depth": 1, "mlp_ratio": [1.0], "num_heads": [1]}
        >>> far(micro.arch(genes), micro.arch({**genes, "hidden_dim": 36, "num_heads": [2]}))
        2.5
    """

    def __init__(
        self, subnets: Subnets, capacity: tuple[str, ...] | None = None, w_in: float = W_IN, w_out: float = W_OUT
    ) -> None:
        layout = subnets.space.layout
        chosen = {gene.name for gene in layout.fixed} if capacity is None else set(capacity)
        self._weights = {gene.name: w_out if gene.name in chosen else w_in for gene in layout.genes}

    def __call__(self, first: Arch, second: Arch) -> float:
        """The distance, 0 for equal genes."""
        one, other = first.genes, second.genes
        return sum(weight * _differences(one[name], other[name]) for name, weight in self._weights.items())


def _differences(one: Any, other: Any) -> int:
    if isinstance(one, list) and isinstance(other, list):
        return sum(a != b for a, b in zip_longest(one, other))
    return int(one != other)


def prior_gap(prior: Callable[[Arch], float]) -> Distance:
    """The distance of two subnets by the absolute difference of their priors.

    Example:
        >>> prior_gap(len)([1, 2, 3], [1])
        2
    """

    def distance(first: Arch, second: Arch) -> float:
        return abs(prior(first) - prior(second))

    return distance

"""Scorers as priors of subnets, with cached scores."""

from math import isfinite

import numpy as np

from autoprox.base.digest import derived_seed
from autoprox.base.errors import SpecError
from autoprox.networks import Fresh, Network, Weights
from autoprox.scorers import Scorer, score_networks
from autoprox.spaces import Arch, Space
from autoprox.spaces.task import Task
from autoprox.statistics import StatisticsCache

PROBED = 20
"""Number of random architectures on which a prior is tested before training."""
UNDEFINED = 0.1
"""Maximum share of these with an undefined prior; pairs with such a subnet are not ranked."""


class ScorerPrior:
    """Scores of subnets with fresh parameters.

    Args:
        scorer: The scorer.
        space: The space of the subnets.
        task: Their classes and images, with the batch for scoring.
        cache: Cache of scores.
        weights: Source of the scored parameters.

    Raises:
        SpecError: If the scorer ranks within a set, or has no finite value on many architectures of the space.

    Example:
        >>> import autoprox
        >>> from autoprox.spaces import load_space
        >>> from autoprox.spaces.task import noise_task
        >>> micro = load_space("pit-micro")
        >>> prior = ScorerPrior(autoprox.load("params"), micro, noise_task("noise", 10, 8, 1), StatisticsCache(None))
        >>> arch = micro.sample(np.random.default_rng(0))
        >>> prior(arch) == micro.counts(arch, 10, 8, 1).params
        True
    """

    def __init__(
        self,
        scorer: Scorer,
        space: Space,
        task: Task,
        cache: StatisticsCache,
        weights: Weights = Fresh(),  # noqa: B008 - it is immutable
    ) -> None:
        if len(scorer.parts) > 1:
            raise SpecError(
                f"'{scorer.name}' ranks networks within a set, but a prior must score single networks. Use one of its "
                "parts."
            )
        self._scorer, self._space, self._task = scorer, space, task
        self._cache, self._weights = cache, weights
        self._known: dict[Arch, float] = {}
        self._probe()

    def __call__(self, arch: Arch) -> float:
        """Score of a subnet; NaN if undefined."""
        if arch not in self._known:
            self._known[arch] = self._scored([arch])[0]
        return self._known[arch]

    def _scored(self, archs: list[Arch]) -> list[float]:
        networks = [Network(self._space, arch, self._task, self._weights) for arch in archs]
        scored = score_networks([self._scorer], networks, self._cache)
        self._reason = scored.refusals.get(self._scorer.name, "")
        found: list[float] = scored.values[0].tolist()
        return found

    def _probe(self) -> None:
        rng = np.random.default_rng(derived_seed("prior", self._space.name))
        archs = [self._space.sample(rng) for _ in range(PROBED)]
        self._known |= zip(archs, self._scored(archs), strict=True)
        missing = sum(not isfinite(self._known[arch]) for arch in archs)
        if missing > UNDEFINED * PROBED:
            why = f", for example: {self._reason}" if self._reason else ""
            raise SpecError(
                f"The prior '{self._scorer.name}' has no finite value on {missing} of {PROBED} random architectures of "
                f"the space '{self._space.name}'{why}. Choose another prior."
            )

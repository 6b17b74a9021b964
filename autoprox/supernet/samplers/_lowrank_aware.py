"""The sampler of FLORA (Chang 2024, https://arxiv.org/abs/2311.03912): small ranks are trained more often."""

from math import prod
from typing import Any, ClassVar

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.spaces import Arch, Gene
from autoprox.supernet._subnets import Subnets
from autoprox.supernet.samplers._sampler import AbstractSampler

_TRIES = 1000
# Maximum number of draws to find an allowed one, for spaces that do not allow all combinations.


class LowRankAware(AbstractSampler):
    """Draws one subnet per step, with probability inversely proportional to the product of its ranks.

    Subnets of small ranks lost most of the inherited accuracy, so that they are trained more often. Ranks are drawn
    independently, each with probability inversely proportional to the rank. Other genes are uniform.

    Args:
        subnets: The subnets to draw from.
        rng: Generator of all draws.
        gene: Name of the gene of ranks, with positive numbers as choices. Genes with this name and a number, one per
            block, have tuples of a block's ranks as choices.

    Raises:
        SpecError: If a choice of the gene is not a positive number.
    """

    name: ClassVar[str] = "lowrank"

    def __init__(self, subnets: Subnets, rng: np.random.Generator, gene: str = "ranks") -> None:
        super().__init__(subnets, rng)
        self.genes = [each for each in subnets.space.layout.genes if each.name.rstrip("0123456789") == gene]
        for each in self.genes:
            if not all(_ranks(choice) for choice in each.choices):
                raise SpecError(
                    f"The choices of the gene '{each.name}' of '{subnets.space.name}' are not ranks: give numbers "
                    "above 0."
                )

    @property
    def per_step(self) -> int:
        """Number of subnets per step."""
        return 1

    def ask(self, progress: float) -> list[Arch]:  # noqa: ARG002
        """One subnet."""
        space = self.subnets.space
        for _ in range(_TRIES):
            genes = self.subnets.draw(self.rng).genes
            genes |= {each.name: self._drawn(each, genes[each.name]) for each in self.genes}
            if not self.genes or not space.why_not(genes):
                return [space.arch(genes)]
        return [self.subnets.draw(self.rng)]

    def _drawn(self, gene: Gene, value: Any) -> Any:
        """A drawn value of a gene, or a list of drawn values with the same length."""
        shares = 1.0 / np.array([_product(choice) for choice in gene.choices])
        count = 1 if gene.along is None else len(value)
        places = self.rng.choice(len(shares), size=count, p=shares / shares.sum())
        drawn = [gene.choices[int(place)] for place in places]
        return drawn[0] if gene.along is None else drawn


def _ranks(choice: Any) -> bool:
    """True if a choice is a rank, or a tuple of ranks."""
    given = choice if isinstance(choice, tuple) else (choice,)
    return all(isinstance(each, int | float) and each > 0 for each in given)


def _product(choice: Any) -> float:
    return prod(choice) if isinstance(choice, tuple) else float(choice)

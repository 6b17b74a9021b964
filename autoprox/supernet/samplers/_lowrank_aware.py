"""The sampler of FLORA (Chang 2024, https://arxiv.org/abs/2311.03912): small ranks are trained more often."""

from math import prod
from typing import Any, ClassVar

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.spaces import Arch, Gene
from autoprox.supernet._subnets import Subnets
from autoprox.supernet.samplers._sampler import AbstractSampler

_TRIES = 1000
# Draws until one is allowed, where a space does not allow all combinations.


class LowRankAware(AbstractSampler):
    """Draws one subnet each step, whose ranks have a probability in inverse proportion to their product.

    Small ranks lost most of what they inherited. A product of independent choices is drawn one by one: each rank in
    inverse proportion to itself. All other genes are uniform, and so is everything in a space without the gene.

    Args:
        subnets: What it draws from.
        rng: Where all its draws come from.
        gene: The gene of ranks, whose choices are numbers above 0. Genes of this name with a number behind it, one for
            each block, have the ranks of a block as choices.

    Raises:
        SpecError: If the choices of the gene are no such numbers.
    """

    name: ClassVar[str] = "lowrank"

    def __init__(self, subnets: Subnets, rng: np.random.Generator, gene: str = "ranks") -> None:
        super().__init__(subnets, rng)
        self.genes = [each for each in subnets.space.layout.genes if each.name.rstrip("0123456789") == gene]
        for each in self.genes:
            if not all(_ranks(choice) for choice in each.choices):
                raise SpecError(
                    f"The choices of the gene '{each.name}' of '{subnets.space.name}' are no ranks: give numbers above "
                    "0."
                )

    @property
    def per_step(self) -> int:
        """How many subnets a step has."""
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
        """A value of a gene, or a list as long as the given one."""
        shares = 1.0 / np.array([_product(choice) for choice in gene.choices])
        count = 1 if gene.along is None else len(value)
        places = self.rng.choice(len(shares), size=count, p=shares / shares.sum())
        drawn = [gene.choices[int(place)] for place in places]
        return drawn[0] if gene.along is None else drawn


def _ranks(choice: Any) -> bool:
    """Whether a choice is a rank, or those of a block."""
    given = choice if isinstance(choice, tuple) else (choice,)
    return all(isinstance(each, int | float) and each > 0 for each in given)


def _product(choice: Any) -> float:
    return prod(choice) if isinstance(choice, tuple) else float(choice)

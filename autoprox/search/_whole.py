"""A whole space, for bounds that are kept by rejection."""

from collections.abc import Iterator
from functools import cached_property
from itertools import islice, product
from math import prod

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.search._sizes import fixed_combinations
from autoprox.spaces import Arch, Space
from autoprox.spaces.genes import Genes, json_form

ENUMERABLE = 20_000
"""Largest number of architectures, or combinations of genes, that are listed to count a space."""


class WholeSpace:
    """All architectures of a space, with their number if it can be counted.

    Args:
        space: A space with any genes.

    Example:
        >>> from autoprox.spaces import load_space
        >>> whole = WholeSpace(load_space("pit-micro"))
        >>> whole.size, sum(1 for _ in whole)
        (7200, 7200)
    """

    def __init__(self, space: Space) -> None:
        self.space = space

    @cached_property
    def size(self) -> int | None:
        """Number of architectures; None if listing them would take too long."""
        layout = self.space.layout
        counted = _counted(self.space) if layout.valid is None else None
        if counted is not None:
            return counted
        found = sum(1 for _ in islice(_listed(self.space), ENUMERABLE + 1))
        return found if found <= ENUMERABLE else None

    @property
    def total(self) -> int | None:
        """The same as `size`, since everything is allowed."""
        return self.size

    def draw(self, rng: np.random.Generator) -> Arch:
        """Draws an architecture as the space does."""
        return self.space.sample(rng)

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Varies an architecture as the space does."""
        return self.space.mutate(arch, rng)

    def __iter__(self) -> Iterator[Arch]:
        return (self.space.arch(genes) for genes in _listed(self.space))


def _listed(space: Space) -> Iterator[Genes]:
    """The genes of every architecture, in the order of their choices."""
    layout = space.layout

    def extended(genes: Genes, left: int) -> Iterator[Genes]:
        if not left:
            yield genes
            return
        gene = layout.layered[-left]
        choices = [json_form(choice) for choice in gene.choices]
        for values in product(choices, repeat=layout.count(gene, genes)):
            yield from extended({**genes, gene.name: list(values)}, left - 1)

    every = (genes for fixed in fixed_combinations(space) for genes in extended(fixed, len(layout.layered)))
    return every if layout.valid is None else (genes for genes in every if not layout.why_not(genes))


def _counted(space: Space) -> int | None:
    """The number of architectures if the length of every list follows from genes with one value."""
    layout, total = space.layout, 0
    for number, fixed in enumerate(fixed_combinations(space)):
        if number == ENUMERABLE:
            return None
        try:
            total += prod(len(gene.choices) ** layout.count(gene, fixed) for gene in layout.layered)
        except SpecError:  # the length of a list depends on another list
            return None
    return total

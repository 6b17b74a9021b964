"""Spaces of fixed length: the choices at each place, and their contribution to additive costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from autoprox.base.numbers import is_whole
from autoprox.spaces._arch import Arch
from autoprox.spaces.costs import Cost
from autoprox.spaces.genes import json_form
from autoprox.spaces.space import Space
from autoprox.spaces.task import TaskShape

_TRIED = 16
# Architectures on which additivity is checked.


@dataclass(frozen=True, eq=False)
class PlaceCosts:
    """Contribution of each choice at each place to costs.

    Args:
        base: `(costs,)`, costs of the architecture with the first choice at every place.
        added: `(places, choices, costs)`, costs added by another choice at one place.
    """

    base: npt.NDArray[np.int64]
    added: npt.NDArray[np.int64]

    @classmethod
    def of(cls, space: Space, task: TaskShape, costs: Sequence[Cost]) -> "PlaceCosts | None":
        """Computes the contributions for a space with lists of one fixed length as genes.

        Returns:
            The contributions; None if costs are not additive, which is checked on some architectures.
        """
        layout = space.layout
        lengths = {gene.along for gene in layout.layered}
        fits = not layout.fixed and layout.valid is None and len(lengths) == 1 and is_whole(next(iter(lengths)))
        if not fits or not space.has_closed_form:
            return None
        choices = place_choices(space)
        length = layout.count(layout.layered[0], {})

        def size(places: Sequence[int]) -> npt.NDArray[np.int64]:
            arch = arch_of(space, places)
            return np.array([int(cost.of(space, arch, task)) for cost in costs], dtype=np.int64)

        base = size([0] * length)
        added = np.zeros((length, len(choices), len(costs)), dtype=np.int64)
        for place, choice in product(range(length), range(1, len(choices))):
            added[place, choice] = size([choice if each == place else 0 for each in range(length)]) - base
        rng = np.random.default_rng(0)
        for _ in range(_TRIED):
            drawn = rng.integers(len(choices), size=length)
            if (size(drawn.tolist()) != base + added[np.arange(length), drawn].sum(axis=0)).any():
                return None
        return cls(base, added)


def place_choices(space: Space) -> tuple[tuple[Any, ...], ...]:
    """Returns the choices at one place: all combinations of the choices of each gene."""
    return tuple(product(*([json_form(each) for each in gene.choices] for gene in space.layout.layered)))


def arch_of(space: Space, chosen: Sequence[int]) -> Arch:
    """Returns the architecture with the given choice at each place."""
    choices = place_choices(space)
    genes = {gene.name: [choices[each][at] for each in chosen] for at, gene in enumerate(space.layout.layered)}
    return space.arch(genes)


def places_of(space: Space, arch: Arch) -> list[int]:
    """Returns the choice at each place of an architecture."""
    choices, genes = list(place_choices(space)), arch.genes
    values = zip(*(genes[gene.name] for gene in space.layout.layered), strict=True)
    return [choices.index(tuple(each)) for each in values]

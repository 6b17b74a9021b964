"""Spaces whose genes are lists of one fixed length: what each place may be, and what it adds to additive costs."""

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
# Architectures on which it is tried that costs add up.


@dataclass(frozen=True, eq=False)
class PlaceCosts:
    """Cost of each choice of each place.

    Args:
        base: `(costs,)`, what the first choice everywhere costs.
        added: `(places, choices, costs)`, what another choice at one place adds.
    """

    base: npt.NDArray[np.int64]
    added: npt.NDArray[np.int64]

    @classmethod
    def of(cls, space: Space, task: TaskShape, costs: Sequence[Cost]) -> "PlaceCosts | None":
        """Costs of a space all of whose genes are lists of one fixed length; None if they do not add up.

        That they add up is tried on some architectures.
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
    """Choices of one place: a choice of each of the genes."""
    return tuple(product(*([json_form(each) for each in gene.choices] for gene in space.layout.layered)))


def arch_of(space: Space, chosen: Sequence[int]) -> Arch:
    """The architecture of a choice for each place."""
    choices = place_choices(space)
    genes = {gene.name: [choices[each][at] for each in chosen] for at, gene in enumerate(space.layout.layered)}
    return space.arch(genes)


def places_of(space: Space, arch: Arch) -> list[int]:
    """For each place of an architecture, which choice it has."""
    choices, genes = list(place_choices(space)), arch.genes
    values = zip(*(genes[gene.name] for gene in space.layout.layered), strict=True)
    return [choices.index(tuple(each)) for each in values]

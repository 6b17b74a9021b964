"""Response of a score to one varied quantity: its direction, or ties if the score is blind to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Any

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.base.errors import SpecError
from autoprox.graph import Expression, Leaves, Proxy, leaves_of
from autoprox.inspect.nodes import Site
from autoprox.networks import Fresh, Network, Teacher
from autoprox.scorers._plain_vit import plain_batch, plain_vit
from autoprox.spaces import Space
from autoprox.spaces.task import Task

FOREIGN = "plain ViT"
"""Name of the place of series with networks outside all spaces."""

WIDTHS, DEPTHS = (32, 64, 128), (1, 3, 6)

TEACHER = (96, 2)
"""Width and depth of the plain vision transformer that they are compared with, for proxies that need a teacher."""

_SAME = 1e-12
"""Scores with a smaller relative difference count as equal."""


class Effect(StrEnum):
    """Scores along a series."""

    RISES = "rises"
    FALLS = "falls"
    MIXED = "rises and falls"
    TIES = "ties"
    UNDEFINED = "undefined"


@dataclass(frozen=True)
class Series:
    """Networks that differ in one quantity.

    Args:
        where: The space, or `FOREIGN`.
        varied: The varied gene or property.
        fixed: Description of the fixed quantities; may be empty.
        values: Value of the varied quantity in each network.
        leaves: Returns the values of leaves for each network.
    """

    where: str
    varied: str
    fixed: str
    values: tuple[Any, ...]
    leaves: Callable[[Sequence[Expression]], list[Leaves]]

    def effect_on(self, proxy: Proxy, leaves: Sequence[Leaves]) -> dict[str, Any]:
        """Trend of a proxy's score along the series, as JSON-like data."""
        effect = effect_of(proxy.score_leaves(leaves))
        told = {"where": self.where, "varied": self.varied, "fixed": self.fixed, "values": list(self.values)}
        return told | {"effect": effect.value}


def effect_of(scores: Floats) -> Effect:
    """Trend of scores from the first to the last.

    Example:
        >>> [effect_of(np.array(each)).value for each in ([1, 2, 3], [3, 2, 2], [1, 3, 2], [1, np.nan])]
        ['rises', 'ties', 'rises and falls', 'undefined']
    """
    if not np.isfinite(scores).all():
        return Effect.UNDEFINED
    ordered = np.sort(scores)
    if (np.diff(ordered) <= _SAME * np.abs(ordered[1:])).any():
        return Effect.TIES
    steps = np.diff(scores)
    return Effect.RISES if (steps > 0).all() else Effect.FALLS if (steps < 0).all() else Effect.MIXED


def foreign_series() -> list[Series]:
    """Depth at each width, and width at each depth, of plain vision transformers."""
    once = cache(_plain_leaves)  # each network is part of two series

    def series(varied: str, fixed: str, values: tuple[int, ...], shapes: Sequence[tuple[int, int]]) -> Series:
        return Series(
            FOREIGN, varied, fixed, values, lambda wanted: [once(*shape, frozenset(wanted)) for shape in shapes]
        )

    by_depth = [series("depth", f"width {width}", DEPTHS, [(width, each) for each in DEPTHS]) for width in WIDTHS]
    by_width = [series("width", f"depth {depth}", WIDTHS, [(each, depth) for each in WIDTHS]) for depth in DEPTHS]
    return [*by_depth, *by_width]


def _plain_leaves(width: int, depth: int, wanted: frozenset[Expression]) -> Leaves:
    ordered = sorted(wanted, key=lambda leaf: leaf.digest)
    teacher = Teacher.of(plain_vit(*TEACHER)) if any(each.needs_teacher for each in wanted) else None
    return leaves_of(plain_vit(width, depth), *plain_batch(), ordered, told=tuple(Site), teacher=teacher)


def gene_series(
    space: Space,
    task: Task,
    collect: Callable[[Sequence[Network], Sequence[Expression]], list[Leaves]],
    teacher: Teacher | None = None,
) -> list[Series]:
    """One series per gene, over its first, middle and last choice; other genes have their middle choice.

    Genes of lists have one value throughout.

    Args:
        space: The space.
        task: Task of the networks.
        collect: Returns leaf values of networks.
        teacher: The teacher of the networks.
    """
    found = []
    for gene in space.layout.genes:
        networks, values = [], []
        for choice in dict.fromkeys(gene.choices[place] for place in (0, len(gene.choices) // 2, -1)):
            try:
                arch = space.arch(_uniform(space, {gene.name: choice}))
            except SpecError:  # a combination that the space does not allow
                continue
            networks.append(Network(space, arch, task, Fresh(0), teacher))
            values.append(choice)
        if len(values) > 1:
            found.append(Series(space.name, gene.name, "", tuple(values), partial(collect, networks)))
    return found


def _uniform(space: Space, given: dict[str, Any]) -> dict[str, Any]:
    """The given genes; all other genes at their middle choice."""
    genes: dict[str, Any] = {}
    for gene in (*space.layout.fixed, *space.layout.layered):
        choice = given.get(gene.name, gene.choices[len(gene.choices) // 2])
        genes[gene.name] = choice if gene.along is None else [choice] * space.layout.count(gene, genes)
    return genes


def effects(proxies: Sequence[Proxy], series: Sequence[Series]) -> list[list[dict[str, Any]]]:
    """For each proxy the trends of its score along each series, as JSON-like data."""
    wanted = list(dict.fromkeys(leaf for proxy in proxies for leaf in proxy.node_leaves))
    rows = [(each, each.leaves(wanted)) for each in series]
    return [[each.effect_on(proxy, leaves) for each, leaves in rows] for proxy in proxies]


def blind_to(found: Sequence[Mapping[str, Any]], *, foreign: bool = True) -> list[str]:
    """Quantities to which a proxy is blind: varied quantities of series with ties.

    Args:
        found: Result of `effects` for one proxy.
        foreign: True for series of plain vision transformers, False for those of genes.

    Example:
        >>> row = {"where": FOREIGN, "varied": "depth", "fixed": "width 32", "values": [1, 3], "effect": "ties"}
        >>> blind_to([row, row | {"fixed": "width 64"}]), blind_to([row], foreign=False)
        (['depth'], [])
    """
    return list(
        dict.fromkeys(
            each["varied"] for each in found if each["effect"] == Effect.TIES and (each["where"] == FOREIGN) is foreign
        )
    )

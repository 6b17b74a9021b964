"""Low-rank aware candidate filtering of FLORA (Chang 2024, https://arxiv.org/abs/2311.03912): ranks block by block.

Each combination of a block's ranks is evaluated with all other blocks at full rank. The best combinations of each block
are kept and form a smaller space for the search. FLORA first trains a supernet of each block for some epochs; the
script and its criterion were not released. Here the caller chooses the criterion: accuracy in such a supernet
(`LocalSupernets`), accuracy with the truncated weights of the trained network, or a score.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import digest
from autoprox.base.errors import SpecError
from autoprox.compress._lowrank_space import LowRankSpace
from autoprox.networks import seeded
from autoprox.spaces import Arch, Counts, Gene, Layout, Space, TaskShape
from autoprox.spaces.genes import Genes

KEEP = 0.3
"""Share of combinations to keep per block, as in the released spaces."""
MOST_COMBINATIONS = 10_000
"""Maximum number of combinations per block."""

GENE = "ranks"
"""Name of a block's gene, before its number."""

Combination = tuple[float, ...]


class LocalValue(ABC):
    """Criterion of networks with reduced ranks in one block only, block by block."""

    @abstractmethod
    def within(self, local: "FilteredSpace") -> Callable[[Arch], float]:
        """Criterion of the networks in the local space of a block.

        Args:
            local: All combinations of ranks of one block, with all other blocks at full rank.

        Returns:
            A function from an architecture of this space to a value; higher is better.
        """


def blocks_of(space: LowRankSpace) -> list[list[int]]:
    """Indices of the groups of each block, in forward order; names of a block's maps agree up to the last number.

    Example:
        >>> from autoprox.spaces import load_space
        >>> blocks_of(load_space("lr-autoformer-digits"))[:2]
        [[0, 1, 2, 3], [4, 5, 6, 7]]
    """
    found: dict[str, list[int]] = {}
    for place, group in enumerate(space.groups):
        numbered = re.match(r"(?:.*\.)?\d+(?=\.)", group.name)
        found.setdefault(numbered.group() if numbered else group.name, []).append(place)
    return list(found.values())


@dataclass(frozen=True, eq=False, kw_only=True)
class FilteredSpace(Space):
    """A space of filtered ranks, with one gene per block; its choices are combinations of ranks of the block's groups.

    Args:
        inner: The unfiltered space.
        blocks: Indices of the groups of each block.
    """

    inner: LowRankSpace
    blocks: Sequence[Sequence[int]]
    builder: str = "autoprox.compress._candidate_filter:build"

    @cached_property
    def identity(self) -> str:
        """Digest of the unfiltered space and the kept combinations."""
        kept = [[list(choice) for choice in gene.choices] for gene in self.layout.genes]  # type: ignore[arg-type]
        return digest([self.name, self.inner.identity, kept])

    @property
    def has_closed_form(self) -> bool:
        """True: counts have formulas."""
        return True

    @cached_property
    def elastic(self) -> "FilteredSpace":
        """The same space with factorised layers at every rank."""
        return replace(self, inner=self.inner.elastic, reference=None, place=None)

    @property
    def source(self) -> nn.Module:
        """The trained network; do not change it."""
        return self.inner.source

    def inner_genes(self, genes: Genes) -> Genes:
        """The genes of the same network in the unfiltered space."""
        ranks = [1.0] * len(self.inner.groups)
        for number, block in enumerate(self.blocks):
            for place, rank in zip(block, genes[f"{GENE}{number}"], strict=True):
                ranks[place] = rank
        return {self.inner.gene: ranks}

    def counts_of(self, genes: Genes, task: TaskShape) -> Counts:
        """Counts from the unfiltered space."""
        return self.inner.counts_of(self.inner_genes(genes), task)

    def features_of(self, genes: Genes) -> dict[str, float]:
        """Features from the unfiltered space."""
        return self.inner.features_of(self.inner_genes(genes))


def _build(space: Space, genes: Genes, _task: TaskShape) -> nn.Module:
    assert isinstance(space, FilteredSpace)
    return space.inner.build(space.inner_genes(genes))


build = seeded(_build)
"""Builds the network of allowed genes, like the unfiltered space."""


def filter_candidates(
    space: LowRankSpace, value: Callable[[Arch], float] | LocalValue, *, keep: float = KEEP, strata: int = 1
) -> FilteredSpace:
    """Keeps the best combinations of ranks of each block, evaluated with all other blocks at full rank.

    Args:
        space: A space of ranks.
        value: From an architecture of the space to its value, such as accuracy on held-out images; higher is better.
            Or a criterion that is evaluated block by block, such as `LocalSupernets`.
        keep: Share of combinations to keep per block, above 0 and up to 1.
        strata: Number of strata of equal size by multiply-accumulates; the share is kept in each, which preserves cheap
            combinations. With 1, the best of all are kept, which are mostly expensive.

    Returns:
        The space of the kept combinations.

    Raises:
        SpecError: If a number is out of range, or the space has no ratio 1.
        SpecError: If a block has too many combinations, or a value is NaN.

    Example:
        >>> from autoprox.compress import lowrank_space
        >>> import torch
        >>> model = nn.Sequential(nn.Flatten(), *(nn.Linear(8, 8) for _ in range(4)))
        >>> space = lowrank_space(model, torch.ones(2, 2, 2, 2), ratios=(0.25, 0.5, 1))
        >>> kept = filter_candidates(space, lambda arch: sum(arch.genes["ranks"]), keep=0.4)
        >>> [gene.choices for gene in kept.layout.genes]
        [((1.0,),), ((1.0,),)]
    """
    if not 0 < keep <= 1:
        raise SpecError(f"`keep` must be a share of combinations above 0 and up to 1, not {keep}.")
    if strata < 1:
        raise SpecError(f"`strata` must be at least 1, not {strata}.")
    if 1.0 not in space.choices:
        raise SpecError(f"'{space.name}' has no ratio 1, which all other blocks need. Make the space with ratio 1.")
    blocks = blocks_of(space)
    everything = [_combinations(space, block) for block in blocks]
    whole = [((1.0,) * len(block),) for block in blocks]
    kept = []
    for number, combinations in enumerate(everything):
        local = _part(space, blocks, [*whole[:number], combinations, *whole[number + 1 :]], f"block{number}")
        archs = [local.arch(_genes([*whole[:number], (each,), *whole[number + 1 :]])) for each in combinations]
        values = _values(space, local, value, archs)
        chosen = _chosen(values, [local.counts(arch).macs for arch in archs], keep, strata)
        kept.append(tuple(combinations[place] for place in chosen))
    return _part(space, blocks, kept, "filtered")


def _part(
    space: LowRankSpace, blocks: Sequence[Sequence[int]], choices: Sequence[tuple[Combination, ...]], suffix: str
) -> FilteredSpace:
    """The part of a space with the given combinations of ranks for each block."""
    return FilteredSpace(
        name=f"{space.name}-{suffix}",
        layout=Layout(tuple(Gene(f"{GENE}{number}", each) for number, each in enumerate(choices))),
        default_img_size=space.default_img_size,
        img_sizes=space.img_sizes,
        own_task=space.own_task,
        own_statistics=space.own_statistics,
        inner=space,
        blocks=blocks,
    )


def _combinations(space: LowRankSpace, block: Sequence[int]) -> tuple[Combination, ...]:
    count = len(space.choices) ** len(block)
    if count > MOST_COMBINATIONS:
        raise SpecError(
            f"The block of '{space.groups[block[0]].name}' has {count} combinations of ranks, more than "
            f"{MOST_COMBINATIONS}. Give the space fewer ratios."
        )
    return tuple(product(space.choices, repeat=len(block)))


def _genes(combinations: Sequence[tuple[Combination, ...]]) -> dict[str, Combination]:
    return {f"{GENE}{number}": each for number, (each,) in enumerate(combinations)}


def _values(
    space: LowRankSpace, local: FilteredSpace, value: Callable[[Arch], float] | LocalValue, archs: Sequence[Arch]
) -> Floats:
    """Values of the networks of a local space."""
    if isinstance(value, LocalValue):
        worth = value.within(local)
        found = [worth(arch) for arch in archs]
    else:
        found = [value(space.arch(local.inner_genes(arch.genes))) for arch in archs]
    values = np.array(found, dtype=np.float64)
    if np.isnan(values).any():
        raise SpecError(f"The value of a network of '{local.name}' is not a number; give another `value`.")
    return values


def _chosen(values: Floats, macs: Sequence[int], keep: float, strata: int) -> list[int]:
    """Indices of the best combinations of each stratum, in the order of the choices."""
    order = np.argsort(macs, kind="stable")
    chosen: set[int] = set()
    for part in np.array_split(order, min(strata, len(order))):
        best = part[np.argsort(-values[part], kind="stable")]
        chosen.update(best[: max(1, round(keep * len(part)))].tolist())
    return sorted(chosen)

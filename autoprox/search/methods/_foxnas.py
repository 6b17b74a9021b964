"""The annealer of the FOX-NAS release, with patience instead of a temperature."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar, final

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.search._region import Region
from autoprox.search.methods._base import AbstractMethod, History, change, unseen
from autoprox.spaces import Arch, Gene
from autoprox.spaces.genes import Genes, json_form

_REDRAWN = 100
# Consecutive neighbours outside the bounds, before a mutation within them replaces the move.
_KNOWN_MOVES = 1000
# Consecutive moves to already scored candidates, which are free, until the walk restarts elsewhere.


@final
@dataclass(frozen=True)
class FoxnasAnnealing(AbstractMethod):
    """A walk that accepts better candidates, and after long stagnation slightly worse ones.

    Chiang 2021, https://arxiv.org/abs/2108.08189, by the released code (great8nctu/FOX-NAS). Its Metropolis test is
    commented out. A move shifts several coordinates by one position among their choices; a coordinate is a gene with
    one value, or one value of a list. The number of shifted coordinates shrinks from 8 to 5 of 25. In the first
    moves, coordinates that set the number of layers (or, if there are none, genes with one value) are a hundred times
    as likely as the others; afterwards the others are.

    Two faults of the release are corrected: every walk starts with the first weights, not only the first walk; and the
    given bounds are used. Two absolute settings of the release are relative here: the number of coordinates, and the
    tolerance, which was .1 points at a standard deviation of predicted accuracies near 1. Walks restart until the
    budget is met, not three times.

    Args:
        first_share: Share of the coordinates that a move shifts in the beginning.
        last_share: The same share in the end.
        shrink_every: Moves after which one coordinate fewer is shifted.
        depth_moves: Moves in which the number of layers is likelier to change.
        weight: Ratio of these probabilities.
        patience: Moves without a gain after which a loss may be accepted.
        accept_until: Number of moves of a walk in which losses may be accepted.
        tolerance: Largest accepted loss, as a share of the standard deviation of all scores so far.
        stop: Moves without a gain that end a walk.

    Raises:
        SpecError: If a setting is out of range.
    """

    first_share: float = 8 / 25
    last_share: float = 5 / 25
    shrink_every: int = 1000
    depth_moves: int = 200
    weight: float = 100.0
    patience: int = 500
    accept_until: int = 10_000
    tolerance: float = 0.1
    stop: int = 5000
    name: ClassVar[str] = "foxnas"

    def __post_init__(self) -> None:
        for name in ("shrink_every", "stop"):
            if getattr(self, name) < 1:
                raise SpecError(f"`{name}` is {getattr(self, name)}; it must be at least 1.")
        for name in ("depth_moves", "patience", "accept_until", "tolerance"):
            if not getattr(self, name) >= 0:
                raise SpecError(f"`{name}` is {getattr(self, name)}; it must be at least 0.")
        if not 0 < self.last_share <= self.first_share <= 1:
            raise SpecError(
                f"`last_share` is {self.last_share} and `first_share` {self.first_share}; they must be above 0 and at "
                "most 1, the last no larger than the first."
            )
        if not self.weight >= 1:
            raise SpecError(f"`weight` is {self.weight}; it must be at least 1.")

    def proposals(self, region: Region, history: History, rng: np.random.Generator) -> Iterator[list[Arch]]:
        """One candidate at a time, as a walk reaches it."""
        while (start := unseen(region, (history,), lambda: region.draw(rng), rng)) is not None:
            yield [start]
            yield from self._walk(region, history, start, rng)

    def _walk(self, region: Region, history: History, current: Arch, rng: np.random.Generator) -> Iterator[list[Arch]]:
        idle = known = 0
        for move in count():
            child = self._neighbour(region, current, move, rng)
            known = known + 1 if child in history else 0
            if idle > self.stop or known > _KNOWN_MOVES:
                return
            if not known:
                yield [child]
            gain = change(history, current, child)
            endured = idle > self.patience and move < self.accept_until and -gain < self.tolerance * _deviation(history)
            if gain > 0 or endured:
                current, idle = child, 0
            else:
                idle += 1

    def _neighbour(self, region: Region, arch: Arch, move: int, rng: np.random.Generator) -> Arch:
        """An allowed architecture a few steps away."""
        space = region.space
        for _ in range(_REDRAWN):
            genes = self._shifted(space.layout.genes, space.genes(arch), move, rng)
            for gene in space.layout.layered:  # lists that changed their length with the number of layers
                values, wanted = genes[gene.name], space.layout.count(gene, genes)
                genes[gene.name] = values[:wanted] + [gene.draw(rng) for _ in range(wanted - len(values))]
            if not space.why_not(genes):
                child = space.arch(genes)
                if region.allows(child):
                    return child
        return region.mutate(arch, rng)

    def _shifted(self, genes: tuple[Gene, ...], values: Genes, move: int, rng: np.random.Generator) -> Genes:
        """Shifts coordinates by one position, each up or down."""
        coordinates = [
            (gene, place)
            for gene in genes
            if len(gene.choices) > 1
            for place in ([None] if gene.along is None else range(len(values[gene.name])))
        ]
        if not coordinates:
            return values
        first, last = (max(1, round(share * len(coordinates))) for share in (self.first_share, self.last_share))
        shifted = max(last, first - move // self.shrink_every)
        named = {gene.along for gene in genes if isinstance(gene.along, str)}
        structural = np.array([gene.name in named if named else gene.along is None for gene, _ in coordinates])
        likelier = structural if move < self.depth_moves else ~structural
        weights = np.where(likelier, self.weight, 1.0)
        chosen = rng.choice(len(coordinates), size=shifted, replace=False, p=weights / weights.sum())
        for gene, place in (coordinates[index] for index in sorted(chosen.tolist())):
            if place is None:
                values[gene.name] = _beside(gene, values[gene.name], rng)
            else:
                values[gene.name][place] = _beside(gene, values[gene.name][place], rng)
        return values


def _beside(gene: Gene, value: Any, rng: np.random.Generator) -> Any:
    """The choice before or after a value in the declared order; at an end, the only neighbour."""
    choices = [json_form(choice) for choice in gene.choices]
    place = choices.index(value)
    step = 1 if place == 0 else -1 if place == len(choices) - 1 else int(rng.choice((-1, 1)))
    return choices[place + step]


def _deviation(history: History) -> float:
    """Standard deviation of all finite scores; 0 without any."""
    finite = history.scores[np.isfinite(history.scores)]
    return float(finite.std()) if len(finite) else 0.0

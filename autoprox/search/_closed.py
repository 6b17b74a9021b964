"""The architectures that additive costs allow, if the layers of a space are exchangeable: every draw is allowed.

The sums of `sizes` tell if the remaining layers can bring a network within its bounds. So every layer is chosen among
the values that can still be completed.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from autoprox.base.digest import canonical_json
from autoprox.base.errors import SpecError
from autoprox.search._sizes import Shape, Size, joined, size_table
from autoprox.search.constraints import Bound, bounded
from autoprox.spaces import Arch, Space
from autoprox.spaces.costs import MACS, PARAMS, Cost
from autoprox.spaces.genes import Genes, json_form
from autoprox.spaces.task import TaskShape

_OPEN = np.iinfo(np.int64).max // 2
# An upper end above any cost, low enough for additions.
_MOST_COUNTS = 100_000
# Largest number of counts in a table of sizes: combinations of fixed genes times choices of one layer.
_TRIED = 16
# Architectures on which the sum of costs is checked.


class ClosedForms:
    """The part of a space that bounds of additive costs allow, for one task.

    Args:
        space: The space. Its costs are the cost of its fixed genes plus the cost of each layer.
        task: Number of classes and shape of the images, which costs depend on.
        bounds: Bounds of additive costs.

    Raises:
        SpecError: If no architecture is allowed; the message names the bounds that exclude them all, and the possible
            costs. Also if the space does not take the task's images.

    Attributes:
        size: Number of allowed architectures.
        total: Number of all architectures of the space.
    """

    def __init__(self, space: Space, task: TaskShape, bounds: Sequence[Bound]) -> None:
        self.space = space
        self.task = task
        self.bounds = tuple(bounds)
        self._costs = _wanted(bounds)
        table = size_table(space, task, self._costs)
        self._choices = table.layer_choices
        self._places = {_key(choice): index for index, choice in enumerate(table.layer_choices)}
        self._low, self._high = _ends(self._costs, self.bounds)
        allowed = [(shape, self._room(shape, shape.base, shape.depth)) for shape in table.shapes]
        self._shapes = [shape for shape, ways in allowed if ways]
        self.size = sum(ways for _, ways in allowed)
        self.total = sum(shape.total for shape in table.shapes)
        if not self._shapes:
            raise SpecError(self._why_empty(table.shapes))
        self._by_genes = {canonical_json(shape.fixed): shape for shape in self._shapes}
        # As `Space.sample` draws: every combination of fixed genes alike, then every choice of the layers.
        shares = np.array([ways / shape.total for shape, ways in allowed if ways])
        self._shares = shares / shares.sum()

    @staticmethod
    def fit(space: Space, task: TaskShape, bounds: Sequence[Bound]) -> bool:
        """True if a space has closed forms that add up over its layers, all along one axis and exchangeable.

        The sums of counts and bounded costs are checked on some architectures.
        """
        layout = space.layout
        axes = {gene.along for gene in layout.layered}
        if not space.has_closed_form or layout.valid is not None or len(axes) > 1 or any(map(callable, axes)):
            return False
        fixed, layered = (prod(len(gene.choices) for gene in genes) for genes in (layout.fixed, layout.layered))
        return fixed * layered <= _MOST_COUNTS and _adds_up(space, task, _wanted(bounds))

    def draw(self, rng: np.random.Generator) -> Arch:
        """Draws an allowed architecture: the distribution of `Space.sample`, given that it is allowed."""
        shape = self._shapes[rng.choice(len(self._shapes), p=self._shares)]
        return self._completed(shape, [None] * shape.depth, range(shape.depth), rng)

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """A neighbour as `Region.mutate` defines it.

        If the new value of a fixed gene is impossible within the bounds, the nearest possible combination of fixed
        genes replaces it. Layers are visited in random order, after the mutated ones. Each keeps its value as long as
        the remaining layers can still bring the network within the bounds.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        parent = self.space.genes(arch)
        child = self.space.layout.mutate(parent, rng)
        shape = self._shape_near(child, parent, rng)
        before, after = self._layers(parent), self._layers(child)
        wishes: list[int | None] = [*after[: shape.depth], *[None] * (shape.depth - len(after))]
        unchanged = [layer < len(before) and wish == before[layer] for layer, wish in enumerate(wishes)]
        order = sorted(rng.permutation(shape.depth).tolist(), key=lambda layer: unchanged[layer])
        return self._completed(shape, wishes, order, rng)

    def largest(self) -> Arch:
        """The allowed architecture with the most parameters, then the most multiply-accumulates.

        Remaining ties are broken by the layers that come last in the declared order of their choices: the most heads.
        """
        tops = [max(map(tuple, sizes[self._within(sizes)].tolist())) for sizes in (s.sizes for s in self._shapes)]
        best = max(range(len(tops)), key=lambda index: tops[index])
        exact = [
            Bound(cost, lower, value)
            for cost, value in zip(self._costs, tops[best], strict=True)
            for lower in (True, False)
        ]
        return next(ClosedForms(self.space, self.task, exact)._listed(self._shapes[best], downward=True))

    def __iter__(self) -> Iterator[Arch]:
        for shape in self._shapes:
            yield from self._listed(shape)

    def _room(self, shape: Shape, size: npt.NDArray[np.int64], layers: int) -> int:
        """Number of choices of the remaining layers that bring a network of this size within the bounds."""
        sums = shape.sums(layers)
        return int(sums.ways[self._within(sums.sizes + size)].sum())

    def _within(self, sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        return _between(sizes, self._low, self._high)

    def _completed(
        self, shape: Shape, wishes: Sequence[int | None], order: Sequence[int], rng: np.random.Generator
    ) -> Arch:
        """Chooses the layers one by one: as wished if the network can then be completed, otherwise at random.

        Without wishes, the draws are uniform over all allowed choices of the layers.
        """
        size, chosen = shape.base, [0] * shape.depth
        for place, layer in enumerate(order):
            left = shape.depth - place - 1
            wish = wishes[layer]
            if wish is None or not self._room(shape, size + np.array(shape.added[wish]), left):
                rooms = {step: self._room(shape, size + np.array(step), left) for step in set(shape.added)}
                weights = [rooms[step] for step in shape.added]
                total = sum(weights)
                wish = int(rng.choice(len(weights), p=[weight / total for weight in weights]))
            chosen[layer] = wish
            size = size + np.array(shape.added[wish])
        return self._arch(shape, chosen)

    def _listed(self, shape: Shape, *, downward: bool = False) -> Iterator[Arch]:
        """The allowed architectures of a shape, in the order of its layers' choices or in reverse."""
        choices = range(len(shape.added))
        steps = [np.array(step) for step in shape.added]

        def listed(size: npt.NDArray[np.int64], chosen: list[int]) -> Iterator[Arch]:
            left = shape.depth - len(chosen)
            if not self._room(shape, size, left):
                return
            if not left:
                yield self._arch(shape, chosen)
                return
            for choice in reversed(choices) if downward else choices:
                yield from listed(size + steps[choice], [*chosen, choice])

        yield from listed(shape.base, [])

    def _arch(self, shape: Shape, chosen: Sequence[int]) -> Arch:
        genes = joined(self.space, shape.fixed, [self._choices[index] for index in chosen])
        arch = self.space.arch(genes)
        size = shape.base + sum((np.array(shape.added[index]) for index in chosen), start=np.zeros_like(shape.base))
        if self._size(arch) != tuple(size.tolist()):
            raise SpecError(
                f"The closed form of '{self.space.name}' does not add up over the layers of {arch.json}: it gives "
                f"{self._size(arch)}, and its layers {tuple(size.tolist())}. Correct the costs of the space."
            )
        return arch

    def _size(self, arch: Arch) -> Size:
        return tuple(int(cost.of(self.space, arch, self.task)) for cost in self._costs)

    def _layers(self, genes: Genes) -> list[int]:
        layered = self.space.layout.layered
        return [self._places[_key(values)] for values in zip(*(genes[gene.name] for gene in layered), strict=True)]

    def _shape_near(self, child: Genes, parent: Genes, rng: np.random.Generator) -> Shape:
        names = [gene.name for gene in self.space.layout.fixed]
        wanted = self._by_genes.get(canonical_json({name: child[name] for name in names}))
        if wanted is not None:
            return wanted
        own = self._by_genes[canonical_json({name: parent[name] for name in names})]
        if len(self._shapes) == 1:
            return own
        differing = (self._codes != self._coded(child)).sum(axis=1)
        differing[next(place for place, shape in enumerate(self._shapes) if shape is own)] = len(names) + 1
        nearest = np.flatnonzero(differing == differing.min())
        return self._shapes[int(nearest[rng.integers(len(nearest))])]

    @cached_property
    def _codes(self) -> npt.NDArray[np.int64]:
        """`(shapes, genes)`, the indices of the fixed genes of each shape among their choices."""
        return np.array([self._coded(shape.fixed) for shape in self._shapes])

    def _coded(self, genes: Genes) -> list[int]:
        return [list(map(json_form, gene.choices)).index(genes[gene.name]) for gene in self.space.layout.fixed]

    def _why_empty(self, shapes: Sequence[Shape]) -> str:
        sizes = np.concatenate([shape.sizes for shape in shapes])
        kept = {bound: _between(sizes, *_ends(self._costs, [bound])) for bound in self.bounds}
        alone = [bound for bound in self.bounds if not kept[bound].any()]
        if alone:
            bound = alone[0]
            column = sizes[:, self._costs.index(bound.cost)]
            return self._sentence(
                [bound],
                f"they have {_text(bound.cost, column.min())} to {_text(bound.cost, column.max())} {bound.cost.noun}",
            )
        parts = []
        for bound in self.bounds:
            others = np.logical_and.reduce([kept[other] for other in self.bounds if other is not bound])
            if others.any():
                column = sizes[others, self._costs.index(bound.cost)]
                most = (
                    f"at most {_text(bound.cost, column.max())}"
                    if bound.lower
                    else f"at least {_text(bound.cost, column.min())}"
                )
                parts.append(f"without {bound.name} there are some with {most} {bound.cost.noun}")
        return self._sentence(self.bounds, "; ".join(parts) or "each of them alone allows some")

    def _sentence(self, bounds: Sequence[Bound], remedy: str) -> str:
        verb, them = ("allows", "it") if len(bounds) == 1 else ("together allow", "them")
        return (
            f"{bounded(bounds)} {verb} no architecture of '{self.space.name}' ({self.task.num_classes} classes, "
            f"{self.task.img_size} px): {remedy}. Change {them}, or choose another space."
        )


def _ends(costs: Sequence[Cost], bounds: Sequence[Bound]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    low, high = dict.fromkeys(costs, 0), dict.fromkeys(costs, _OPEN)
    for bound in bounds:
        (low if bound.lower else high)[bound.cost] = min(int(bound.value), _OPEN)
    return np.array(list(low.values()), dtype=np.int64), np.array(list(high.values()), dtype=np.int64)


def _between(
    sizes: npt.NDArray[np.int64], low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    return np.asarray(((sizes >= low) & (sizes <= high)).all(axis=1))


def _wanted(bounds: Sequence[Bound]) -> tuple[Cost, ...]:
    return tuple(dict.fromkeys((PARAMS, MACS, *(bound.cost for bound in bounds))))


def _adds_up(space: Space, task: TaskShape, costs: Sequence[Cost]) -> bool:
    """True if costs of some architectures are the sums over their fixed genes and layers."""
    rng = np.random.default_rng(0)
    table = size_table(space, task, costs)
    shapes = {canonical_json(shape.fixed): shape for shape in table.shapes}
    places = {_key(choice): index for index, choice in enumerate(table.layer_choices)}
    layout = space.layout
    for arch in (space.sample(rng) for _ in range(_TRIED)):
        genes = arch.genes
        shape = shapes[canonical_json({gene.name: genes[gene.name] for gene in layout.fixed})]
        layers = zip(*(genes[gene.name] for gene in layout.layered), strict=True)
        steps = [shape.added[places[_key(values)]] for values in layers]
        size = shape.base + np.array(steps, dtype=np.int64).reshape(-1, len(costs)).sum(axis=0)
        if size.tolist() != [cost.of(space, arch, task) for cost in costs]:
            return False
    return True


def _text(cost: Cost, value: np.int64) -> str:
    return cost.unit.text(int(value))


def _key(values: Sequence[Any]) -> tuple[Any, ...]:
    """The choices of one layer as a hashable key."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)

"""The architectures that constraints allow: counted, listed, drawn and varied without leaving them.

Nothing is drawn and thrown away. Whether the layers that are still open can bring a network within its bounds is known
from the sums of `sizes`, so that every choice is made among those that can still end well.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autoprox.base.digest import canonical_json
from autoprox.base.errors import SpecError
from autoprox.search.constraints import COUNTED, Bound, Constraints
from autoprox.search.sizes import Shape, joined, size_table
from autoprox.spaces import Arch, Counts, Space
from autoprox.spaces.genes import Genes
from autoprox.spaces.task import Task

_OPEN = np.iinfo(np.int64).max // 2
# An upper end that no count reaches, and that may still be added to.


class Region:
    """The part of a space that constraints allow, for one task.

    Args:
        space: The space.
        task: Number of classes and size of the images, which counts depend on.
        constraints: What is allowed.

    Raises:
        SpecError: If no architecture is allowed; the message names the constraints that exclude them all, and what can
            be reached. Also if the space does not take the task's images.

    Attributes:
        size: Number of allowed architectures.
        total: Number of all architectures of the space.

    Example:
        >>> from autoprox.spaces.task import noise_task
        >>> from autoprox.spaces import space
        >>> tiny, task = space("autoformer-ti"), noise_task("noise", 1000, 224)
        >>> region = Region(tiny, task, Constraints(max_params=5_300_000))
        >>> region.size, region.total
        (4096, 1056964608)
        >>> region.counts(region.largest()).params
        5273896
        >>> Region(tiny, task, Constraints(max_params=5_000_000))
        Traceback (most recent call last):
        ...
        autoprox.base.errors.SpecError: --max-params 5,000,000 allows no architecture of 'autoformer-ti' (1000 \
classes, 224 px): they have 5,273,896 to 10,194,040 parameters. Change it, or choose another space.
    """

    def __init__(self, space: Space, task: Task, constraints: Constraints) -> None:
        self.space = space
        self.task = task
        self.constraints = constraints
        self._task_sizes = space.check_task(task.num_classes, task.img_size, task.in_chans)
        table = size_table(space, *self._task_sizes)
        self._choices = table.layer_choices
        self._places = {_key(choice): index for index, choice in enumerate(table.layer_choices)}
        self._low, self._high = _ends(constraints.bounds)
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

    def counts(self, arch: Arch) -> Counts:
        """What a network of the architecture costs for the task.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return self.space.counts(arch, *self._task_sizes)

    def allows(self, arch: Arch) -> bool:
        """Whether an architecture of the space is allowed."""
        return self.constraints.allow(self.counts(arch))

    def draw(self, rng: np.random.Generator) -> Arch:
        """Draws an allowed architecture: the distribution of `Space.sample`, given that it is allowed."""
        shape = self._shapes[rng.choice(len(self._shapes), p=self._shares)]
        return self._completed(shape, [None] * shape.depth, range(shape.depth), rng)

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Changes one gene as `Space.mutate` does, and others only as far as the constraints demand.

        Where the new value of a fixed gene cannot be had within the bounds, the nearest combination of fixed genes that
        can takes its place. Layers keep their values, in an order drawn at random but with those that the mutation
        changed first, for as long as the rest can still bring the network within the bounds.

        Args:
            arch: An allowed architecture.
            rng: Where all draws come from.

        Returns:
            An allowed architecture; where the bounds are narrow it may be the same one.

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
        """The allowed architecture with the most parameters; of several the one with the most multiply-accumulates.

        Of several still, the one whose layers come last in the declared order of their choices: the most heads.
        """
        tops = [max(map(tuple, sizes[self._within(sizes)].tolist())) for sizes in (s.sizes for s in self._shapes)]
        best = max(range(len(tops)), key=lambda index: tops[index])
        bounds = {f"{end}_{counted}": value for end in ("min", "max") for counted, value in _named(tops[best]).items()}
        exact = Region(self.space, self.task, Constraints(**bounds))
        return next(exact._listed(self._shapes[best], downward=True))

    def __iter__(self) -> Iterator[Arch]:
        for shape in self._shapes:
            yield from self._listed(shape)

    def _room(self, shape: Shape, size: npt.NDArray[np.int64], layers: int) -> int:
        """How many choices of so many more layers bring a network of this size within the bounds."""
        sums = shape.sums(layers)
        return int(sums.ways[self._within(sums.sizes + size)].sum())

    def _within(self, sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        return _between(sizes, self._low, self._high)

    def _completed(
        self, shape: Shape, wishes: Sequence[int | None], order: Sequence[int], rng: np.random.Generator
    ) -> Arch:
        """Chooses the layers one by one: as wished where that can end well, drawn where it cannot or nothing is wished.

        What is drawn is drawn so that, without wishes, every allowed choice of all layers is as likely as any other.
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
        """The allowed architectures of a shape, in the order of its layers' choices or against it."""
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
        assert self.allows(arch), f"the counts of '{self.space.name}' are no sum over its layers: {arch.json}"
        return arch

    def _layers(self, genes: Genes) -> list[int]:
        layered = self.space.layout.layered
        return [self._places[_key(values)] for values in zip(*(genes[gene.name] for gene in layered), strict=True)]

    def _shape_near(self, child: Genes, parent: Genes, rng: np.random.Generator) -> Shape:
        names = [gene.name for gene in self.space.layout.fixed]
        wanted = self._by_genes.get(canonical_json({name: child[name] for name in names}))
        if wanted is not None:
            return wanted
        own = self._by_genes[canonical_json({name: parent[name] for name in names})]
        others = [shape for shape in self._shapes if shape is not own]
        if not others:
            return own
        distances = [sum(shape.fixed[name] != child[name] for name in names) for shape in others]
        nearest = [shape for shape, far in zip(others, distances, strict=True) if far == min(distances)]
        return nearest[rng.integers(len(nearest))]

    def _why_empty(self, shapes: Sequence[Shape]) -> str:
        bounds = self.constraints.bounds
        sizes = np.concatenate([shape.sizes for shape in shapes])
        kept = {bound: _kept(sizes, bound) for bound in bounds}
        alone = [bound for bound in bounds if not kept[bound].any()]
        if alone:
            bound = alone[0]
            column = sizes[:, list(COUNTED).index(bound.counted)]
            remedy = f"they have {column.min():,} to {column.max():,} {COUNTED[bound.counted]}"
            return self._sentence([bound], remedy)
        parts = []
        for bound in bounds:
            others = np.logical_and.reduce([kept[other] for other in bounds if other is not bound])
            if others.any():
                column = sizes[others, list(COUNTED).index(bound.counted)]
                most = f"at most {column.max():,}" if bound.lower else f"at least {column.min():,}"
                parts.append(f"without {bound.option} there are some with {most} {COUNTED[bound.counted]}")
        return self._sentence(bounds, "; ".join(parts) or "each of them alone allows some")

    def _sentence(self, bounds: Sequence[Bound], remedy: str) -> str:
        named = " and ".join(f"{bound.option} {bound.value:,}" for bound in bounds)
        verb, them = ("allows", "it") if len(bounds) == 1 else ("together allow", "them")
        classes, px, _ = self._task_sizes
        return (
            f"{named} {verb} no architecture of '{self.space.name}' ({classes} classes, {px} px): {remedy}. Change "
            f"{them}, or choose another space."
        )


def _ends(bounds: Sequence[Bound]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    low, high = dict.fromkeys(COUNTED, 0), dict.fromkeys(COUNTED, _OPEN)
    for bound in bounds:
        (low if bound.lower else high)[bound.counted] = min(bound.value, _OPEN)
    return np.array(list(low.values()), dtype=np.int64), np.array(list(high.values()), dtype=np.int64)


def _kept(sizes: npt.NDArray[np.int64], bound: Bound) -> npt.NDArray[np.bool_]:
    return _between(sizes, *_ends([bound]))


def _between(
    sizes: npt.NDArray[np.int64], low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    return np.asarray(((sizes >= low) & (sizes <= high)).all(axis=1))


def _named(size: Sequence[int]) -> dict[str, int]:
    return dict(zip(COUNTED, size, strict=True))


def _key(values: Sequence[Any]) -> tuple[Any, ...]:
    """The choices of one layer as something that can be looked up."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)

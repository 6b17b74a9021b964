"""The possible sizes of a space, and the number of architectures of each size, without listing architectures.

A cost of a network is the cost of its fixed genes (width, depth, heads of stages, ...) plus the cost of each layer's
genes. The order of the layers does not matter: a thousand sums represent the 20^10 choices of the layers of
`autoformer-micro` at one width and depth. `tests/conformance/test_search.py` tests this law for each space. A wrong
size is an error here, and never a result that violates a constraint.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from autoprox.spaces import Arch, Space
from autoprox.spaces.costs import Cost
from autoprox.spaces.genes import Genes, json_form
from autoprox.spaces.task import TaskShape

Size = tuple[int, ...]
"""One value per additive cost."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Possible sums over a number of layers.

    Args:
        sizes: `(n, costs)`, distinct sums, in a fixed order.
        ways: `(n,)`, numbers of choices of the layers per sum, as Python integers, since they exceed 64 bits.
    """

    sizes: npt.NDArray[np.int64]
    ways: npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Shape:
    """All architectures with the same fixed genes.

    Args:
        fixed: The fixed genes.
        depth: Number of layers with separate genes; 0 in a space without such genes.
        base: Size without the contributions of the layers' genes.
        added: Contribution of each choice of a layer's genes (`layer_choices`).
    """

    fixed: Genes
    depth: int
    base: npt.NDArray[np.int64]
    added: tuple[Size, ...]

    def sums(self, layers: int) -> Sums:
        """Possible sums over some of the layers."""
        return _sums(self.added, layers, len(self.base))

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """The distinct sizes of its architectures, `(n, costs)`."""
        return self.base + self.sums(self.depth).sizes

    @property
    def total(self) -> int:
        """Number of its architectures."""
        return int(len(self.added) ** self.depth)


@dataclass(frozen=True, eq=False)
class SizeTable:
    """The sizes of a whole space.

    Args:
        layer_choices: Every choice of a layer's genes, in a fixed order; one empty choice in a space without them.
        shapes: Every combination of the fixed genes, in a fixed order.
    """

    layer_choices: tuple[tuple[Any, ...], ...]
    shapes: tuple[Shape, ...]


@lru_cache(maxsize=8)
def size_table(space: Space, task: TaskShape, costs: tuple[Cost, ...]) -> SizeTable:
    """Measures a space: one count per combination of its fixed genes, and one per choice of a layer in it.

    Args:
        space: The space.
        task: Number of classes and shape of the images.
        costs: The costs of a size, all additive.

    Raises:
        SpecError: If the space does not take such images.

    Example:
        >>> from autoprox.spaces import load_space
        >>> from autoprox.spaces.costs import COSTS
        >>> table = size_table(load_space("autoformer-ti"), TaskShape(1000, 224, 3), (COSTS["params"],))
        >>> len(table.layer_choices), len(table.shapes), sum(shape.total for shape in table.shapes)
        (4, 9, 1056964608)
    """
    layout = space.layout
    choices = tuple(product(*(gene.choices for gene in layout.layered))) if layout.layered else ((),)

    def size(fixed: Genes, layers: list[tuple[Any, ...]]) -> Size:
        arch = Arch(space.name, joined(space, fixed, layers))
        return tuple(int(cost.of(space, arch, task)) for cost in costs)

    shapes = []
    for fixed in fixed_combinations(space):
        depth = layout.count(layout.layered[0], fixed) if layout.layered else 0
        plain = size(fixed, [choices[0]] * depth)
        added = [tuple(0 for _ in costs)] if depth else []
        for choice in choices[1:] if depth else ():
            changed = size(fixed, [choice] + [choices[0]] * (depth - 1))
            added.append(tuple(new - old for new, old in zip(changed, plain, strict=True)))
        shapes.append(Shape(fixed, depth, np.array(plain, dtype=np.int64), tuple(added)))
    return SizeTable(choices, tuple(shapes))


def joined(space: Space, fixed: Genes, layers: list[tuple[Any, ...]]) -> Genes:
    """Genes composed of fixed ones and a choice per layer."""
    return {**fixed, **{gene.name: [layer[at] for layer in layers] for at, gene in enumerate(space.layout.layered)}}


def fixed_combinations(space: Space) -> Iterator[Genes]:
    """Combinations of the genes with one value, in JSON form and in a fixed order."""
    genes = space.layout.fixed
    for values in product(*([json_form(choice) for choice in gene.choices] for gene in genes)):
        yield dict(zip((gene.name for gene in genes), values, strict=True))


@lru_cache(maxsize=4096)
def _sums(added: tuple[Size, ...], layers: int, costs: int) -> Sums:
    if layers == 0:
        return Sums(np.zeros((1, costs), dtype=np.int64), np.array([1], dtype=object))
    fewer = _sums(added, layers - 1, costs)
    found: dict[Size, int] = {}
    for step, alike in Counter(added).items():
        sums = map(tuple, (fewer.sizes + np.array(step, dtype=np.int64)).tolist())
        for size, ways in zip(sums, fewer.ways, strict=True):
            found[size] = found.get(size, 0) + alike * ways
    sizes = sorted(found)
    ways_of_each = np.empty(len(sizes), dtype=object)
    ways_of_each[:] = [found[size] for size in sizes]
    return Sums(np.array(sizes, dtype=np.int64), ways_of_each)

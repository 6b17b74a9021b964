"""Features of the architectures of any space: named numbers for interpretable regressions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement
from typing import Any, TypeAlias

import pandas as pd

from autoprox.spaces import Arch, Gene, Space
from autoprox.spaces.genes import Genes, Length, Total, json_form

THIRDS = 3
"""Number of equal parts into which a list of variable length is split."""
MOST_PLACES = 6
"""Maximum length of a list with one column per value; a longer list is split into thirds."""

_Place: TypeAlias = list[tuple[Any, float]]
# Values and their weights, which add up to 1 unless there are no values.


@dataclass(frozen=True)
class _Group:
    """The columns of one gene: one per place and encoding of a value."""

    gene: str
    places: int  # 0 for a gene with one value
    split: Callable[[Genes], list[_Place]]
    encodings: dict[str, Callable[[Any], float]]
    exact: bool  # True if the places are stages or layers of the network, False for thirds

    @property
    def numeric(self) -> bool:
        return list(self.encodings) == [""]

    def names(self, suffix: str = "") -> list[str]:
        return [f"{self.gene}_{place}{suffix}" for place in range(1, self.places + 1)] or [f"{self.gene}{suffix}"]

    @property
    def columns(self) -> list[str]:
        return [name for suffix in self.encodings for name in self.names(suffix)]

    def values(self, genes: Genes) -> list[float]:
        places = self.split(genes)
        return [
            float(sum(weight * encode(value) for value, weight in place))
            for encode in self.encodings.values()
            for place in places
        ]


class ArchFeatures:
    """Named features of the architectures of a space, and the interactions for a regression.

    The features follow the predictors of FOX-NAS: depths and mean ratios of each stage, and depth times ratio. They
    depend on genes only, so that every space has them:

    - A gene with one number is a column.
    - A list with one value per stage, or a tuple, has one column per stage.
    - A list with one value per layer of stages has its mean over each stage.
    - Another list of variable length has its mean over each third of its length.
    - A categorical gene has the share of each choice except the first.

    Interactions are the products of two single numbers (depth x width), of a single number with each column of a list
    (depth x ratio), and of two lists stage by stage.

    Args:
        space: The space.

    Attributes:
        names: The columns.
        interactions: Pairs of columns; the product of each pair is a further term.

    Example:
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("autoformer-micro")
        >>> features = ArchFeatures(micro)
        >>> features.names
        ['hidden_dim', 'depth', 'mlp_ratio_1', 'mlp_ratio_2', 'mlp_ratio_3', 'num_heads_1', 'num_heads_2', \
'num_heads_3']
        >>> arch = micro.arch({"hidden_dim": 24, "depth": 2, "mlp_ratio": [1, 4], "num_heads": [2, 2]})
        >>> features.frame([arch])[["depth", "mlp_ratio_1", "mlp_ratio_2"]].iloc[0].tolist()
        [2.0, 1.0, 2.5]
        >>> ("depth", "mlp_ratio_3") in features.interactions
        True
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        lengths: dict[str, int] = {}
        self._groups = []
        for gene in space.layout.genes:
            group = _group(gene, lengths)
            if group.places and group.exact:
                lengths[gene.name] = group.places
            if len(gene.choices) > 1:
                self._groups.append(group)
        self.names = [name for group in self._groups for name in group.columns]
        self.interactions = list(_products([group for group in self._groups if group.numeric]))

    def frame(self, archs: Iterable[Arch]) -> pd.DataFrame:
        """Features with one row per architecture.

        Args:
            archs: `n` architectures of the space.

        Returns:
            `(n, F)`, floats.

        Raises:
            SpecError: If the space does not allow one of the architectures.
        """
        genes = [self.space.genes(arch) for arch in archs]
        rows = [[value for group in self._groups for value in group.values(each)] for each in genes]
        return pd.DataFrame(rows, columns=self.names, dtype=float)


def _group(gene: Gene, lengths: dict[str, int]) -> _Group:
    """The columns of a gene; `lengths` are the constant lengths of earlier genes."""
    name, choices = gene.name, [json_form(choice) for choice in gene.choices]
    if gene.along is None:
        sizes = {len(choice) if isinstance(choice, list) else 0 for choice in choices}
        if len(sizes) > 1 or sizes == {0}:
            return _Group(name, 0, lambda genes: [[(genes[name], 1.0)]], _encodings(choices), exact=True)
        elements = [each for choice in choices for each in choice]
        return _Group(name, sizes.pop(), lambda genes: _singly(genes[name]), _encodings(elements), exact=True)
    axis = gene.along
    if isinstance(axis, Total) and axis.gene in lengths:
        stages = axis.gene
        return _Group(
            name, lengths[stages], lambda genes: _staged(genes[name], genes[stages]), _encodings(choices), exact=True
        )
    constant = axis if isinstance(axis, int) else lengths.get(axis.gene) if isinstance(axis, Length) else None
    if constant is not None and constant <= MOST_PLACES:
        return _Group(name, constant, lambda genes: _singly(genes[name]), _encodings(choices), exact=True)
    return _Group(name, THIRDS, lambda genes: parts_of(genes[name], THIRDS), _encodings(choices), exact=False)


def _encodings(choices: Sequence[Any]) -> dict[str, Callable[[Any], float]]:
    """Encodings of a value: the number itself, or one indicator per choice except the first."""
    if all(isinstance(choice, int | float) for choice in choices):
        return {"": float}
    distinct = [choice for place, choice in enumerate(choices) if choice not in choices[:place]]
    return {f"={choice}": partial(_is, choice) for choice in distinct[1:]}


def _is(choice: Any, value: Any) -> float:
    return float(value == choice)


def _singly(values: Sequence[Any]) -> list[_Place]:
    return [[(value, 1.0)] for value in values]


def _staged(values: Sequence[Any], layers: Sequence[int]) -> list[_Place]:
    """Splits a list over layers into its stages."""
    found, start = [], 0
    for count in layers:
        found.append([(value, 1 / count) for value in values[start : start + count]])
        start += count
    return found


def parts_of(values: Sequence[Any], parts: int) -> list[_Place]:
    """Splits a list into equal parts; a value across a border belongs to both parts, weighted by its share in each.

    Example:
        >>> parts_of(["a", "b"], 2), parts_of([5], 2)
        ([[('a', 1.0)], [('b', 1.0)]], [[(5, 1.0)], [(5, 1.0)]])
        >>> [[(value, round(weight, 2)) for value, weight in part] for part in parts_of(["a", "b"], 3)]
        [[('a', 1.0)], [('a', 0.5), ('b', 0.5)], [('b', 1.0)]]
    """
    count = len(values)
    found: list[_Place] = []
    for part in range(parts):
        # Whole numbers: places and borders in units of 1 / (count * parts) of the list.
        low, high = part * count, (part + 1) * count
        shares = [min(high, (place + 1) * parts) - max(low, place * parts) for place in range(count)]
        found.append([(value, share / count) for value, share in zip(values, shares, strict=True) if share > 0])
    return found


def _products(groups: Sequence[_Group]) -> Iterable[tuple[str, str]]:
    """Pairs of columns, in the order of the genes."""
    for first, second in combinations_with_replacement(groups, 2):
        if not first.places and not second.places:
            if first is not second:
                yield first.gene, second.gene
        elif not first.places or not second.places:
            single, listed = (first, second) if not first.places else (second, first)
            yield from ((single.gene, name) for name in listed.names())
        elif first is not second and first.exact and second.exact and first.places == second.places:
            yield from zip(first.names(), second.names(), strict=True)

"""The declarative layout of a space's genes, over which sampling and variation are written once.

Genes are handled in the form that JSON gives back: numbers, and lists for what is a sequence.
"""

import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from autoprox.base.errors import suggestion

Choice: TypeAlias = int | float | tuple[int, ...]
"""One allowed value of a gene: a number, or numbers that are only allowed together."""

Genes: TypeAlias = dict[str, Any]


def _elements(value: object) -> list[Any] | None:
    """The elements of a list, tuple or array; None for anything else."""
    if isinstance(value, np.ndarray) and value.ndim > 0:
        return list(value)
    return list(value) if isinstance(value, list | tuple) else None


def _equals(value: object, choice: Choice) -> bool:
    if isinstance(choice, tuple):
        elements = _elements(value)
        return elements is not None and len(elements) == len(choice) and all(map(_equals, elements, choice))
    if type(value) is type(choice):
        return value == choice
    # A boolean equals 0 or 1 in Python, but it is no width and no ratio.
    return not isinstance(value, bool) and isinstance(value, numbers.Real) and value == choice


@dataclass(frozen=True, slots=True)
class Gene:
    """A named choice.

    Args:
        name: Key of the gene in the genes of an architecture.
        choices: The allowed values, at least two and all different; their types are the canonical ones.
        per_layer: Whether each layer has its own value, so that the gene is a list.

    Example:
        >>> Gene("mlp_ratio", (3.5, 4.0), per_layer=True).match(4)
        4.0
    """

    name: str
    choices: tuple[Choice, ...]
    per_layer: bool = False

    def __post_init__(self) -> None:
        assert len(set(self.choices)) == len(self.choices) > 1, f"gene '{self.name}' needs distinct choices"

    def match(self, value: object) -> Any:
        """Returns the choice that a value equals, in the canonical type and form of JSON; None if there is none."""
        for choice in self.choices:
            if _equals(value, choice):
                return _json_form(choice)
        return None

    def draw(self, rng: np.random.Generator) -> Any:
        """Draws a value uniformly."""
        return _json_form(self.choices[rng.integers(len(self.choices))])

    def others(self, value: object) -> list[Any]:
        """The allowed values apart from the given one, in their declared order."""
        return [_json_form(choice) for choice in self.choices if not _equals(value, choice)]

    def draw_other(self, value: object, rng: np.random.Generator) -> Any:
        """Draws uniformly among the allowed values apart from the given one."""
        others = self.others(value)
        return others[rng.integers(len(others))]

    def allowed(self) -> str:
        """The choices as a text for messages."""
        return ", ".join(str(_json_form(choice)) for choice in self.choices)


def _json_form(choice: Choice) -> Any:
    return list(choice) if isinstance(choice, tuple) else choice


@dataclass(frozen=True, slots=True)
class Layout:
    """The genes of a space.

    Args:
        genes: All genes, in the order in which they are drawn.
        depth: Name of the gene that says how many values a per-layer gene has; only needed if there are such genes.

    Example:
        >>> layout = Layout((Gene("depth", (1, 2)), Gene("heads", (1, 2, 4), per_layer=True)))
        >>> layout.why_not({"depth": 2, "heads": [1, 3]})
        ["The gene 'heads' of layer 2 is 3; allowed: 1, 2, 4."]
    """

    genes: tuple[Gene, ...]
    depth: str = "depth"

    def __post_init__(self) -> None:
        assert not self.layered or self.depth in [gene.name for gene in self.fixed], "per-layer genes need a depth gene"

    @property
    def fixed(self) -> list[Gene]:
        """The genes with one value for the whole architecture."""
        return [gene for gene in self.genes if not gene.per_layer]

    @property
    def layered(self) -> list[Gene]:
        """The genes with one value a layer."""
        return [gene for gene in self.genes if gene.per_layer]

    def sample(self, rng: np.random.Generator) -> Genes:
        """Draws every gene uniformly and independently; a per-layer gene anew for each layer."""
        genes: Genes = {gene.name: gene.draw(rng) for gene in self.fixed}
        for gene in self.layered:
            genes[gene.name] = [gene.draw(rng) for _ in range(genes[self.depth])]
        return genes

    def mutate(self, genes: Genes, rng: np.random.Generator) -> Genes:
        """Changes one gene, chosen uniformly by name and then, for a per-layer gene, by layer.

        A smaller depth drops the last layers; for a larger one the genes of the new layers are drawn.
        """
        child = _copy(genes)
        gene = self.genes[rng.integers(len(self.genes))]
        if gene.per_layer:
            layer = int(rng.integers(len(child[gene.name])))
            child[gene.name][layer] = gene.draw_other(child[gene.name][layer], rng)
        else:
            child[gene.name] = gene.draw_other(child[gene.name], rng)
        for layered in self.layered:
            values = child[layered.name]
            missing = child[self.depth] - len(values)
            child[layered.name] = values[: child[self.depth]] + [layered.draw(rng) for _ in range(missing)]
        return child

    def crossover(self, first: Genes, second: Genes, rng: np.random.Generator) -> Genes:
        """Takes every gene, and every layer's value of a per-layer gene, from either parent with probability 1/2.

        Where only one parent has a layer, its value is taken.
        """
        parents = (first, second)
        child: Genes = {gene.name: parents[rng.integers(2)][gene.name] for gene in self.fixed}
        for gene in self.layered:
            values = []
            for layer in range(child[self.depth]):
                holders = [parent[gene.name] for parent in parents if layer < len(parent[gene.name])]
                values.append(holders[rng.integers(len(holders))][layer])
            child[gene.name] = values
        return _copy(child)

    def neighbours(self, genes: Genes) -> list[Genes]:
        """All genes that differ in one value, in a fixed order.

        Where the depth differs, the last layers are dropped or the last layer is repeated.
        """
        found = []
        for gene in self.fixed:
            for value in gene.others(genes[gene.name]):
                neighbour = {**_copy(genes), gene.name: value}
                for layered in self.layered:
                    values = neighbour[layered.name]
                    grown = values + values[-1:] * (neighbour[self.depth] - len(values))
                    neighbour[layered.name] = grown[: neighbour[self.depth]]
                found.append(neighbour)
        for gene in self.layered:
            for layer, current in enumerate(genes[gene.name]):
                for value in gene.others(current):
                    neighbour = _copy(genes)
                    neighbour[gene.name][layer] = value
                    found.append(neighbour)
        return found

    def why_not(self, genes: object) -> list[str]:
        """Says in sentences why genes are not allowed; an empty list if they are."""
        if not isinstance(genes, Mapping):
            return [f"Genes must be a mapping of names to values, not {genes!r}."]
        names = [gene.name for gene in self.genes]
        reasons = [f"There is no gene '{name}'. {suggestion(str(name), names)}" for name in genes if name not in names]
        for gene in self.genes:
            if gene.name not in genes:
                reasons.append(f"The gene '{gene.name}' is missing; allowed: {gene.allowed()}.")
            elif gene.per_layer:
                reasons += self._why_not_layers(gene, genes)
            elif gene.match(genes[gene.name]) is None:
                reasons.append(f"The gene '{gene.name}' is {genes[gene.name]!r}; allowed: {gene.allowed()}.")
        return reasons

    def _why_not_layers(self, gene: Gene, genes: Mapping[str, Any]) -> Iterable[str]:
        values = _elements(genes[gene.name])
        if values is None:
            yield f"The gene '{gene.name}' is {genes[gene.name]!r}; it must be a list with one value a layer."
            return
        depth = next(other for other in self.fixed if other.name == self.depth).match(genes.get(self.depth))
        if depth is not None and len(values) != depth:
            yield f"The gene '{gene.name}' has {len(values)} values for a '{self.depth}' of {depth}; give one a layer."
        for layer, value in enumerate(values, start=1):
            if gene.match(value) is None:
                yield f"The gene '{gene.name}' of layer {layer} is {value!r}; allowed: {gene.allowed()}."

    def normalised(self, genes: Mapping[str, Any]) -> Genes:
        """Returns allowed genes in their canonical types: the declared choices, lists for sequences."""
        normal: Genes = {gene.name: gene.match(genes[gene.name]) for gene in self.fixed}
        for gene in self.layered:
            normal[gene.name] = [gene.match(value) for value in genes[gene.name]]
        return normal


def _copy(genes: Genes) -> Genes:
    return {name: list(value) if isinstance(value, list) else value for name, value in genes.items()}

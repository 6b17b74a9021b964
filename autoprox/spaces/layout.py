"""Genes of a space: constraints, sampling and variation, shared by all spaces."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from autoprox.base.errors import SpecError, suggestion
from autoprox.base.numbers import is_whole
from autoprox.spaces.genes import Gene, Genes, copied, elements

Valid = Callable[[Genes], bool | str]
"""Checks a combination of genes: returns true, false, or the reason for a refusal as text."""

DRAWS = 10_000
"""Number of draws after which sampling gives up."""
TRIES = 100
"""Number of invalid mutants or children after which a neighbour or a parent is returned instead."""


@dataclass(frozen=True)
class Layout:
    """The genes of a space.

    Args:
        genes: All genes. Genes with one value are drawn first, then the lists, each in this order.
        valid: Checks combinations of allowed values; None allows all.

    Raises:
        SpecError: If two genes share a name, or the axis of a gene does not give a number of values.

    Example:
        >>> layout = Layout((Gene("depth", (1, 2)), Gene("heads", (1, 2, 4), along="depth")))
        >>> layout.why_not({"depth": 2, "heads": [1, 3]})
        ["Value 2 of the gene 'heads' is 3; allowed: 1, 2, 4."]
        >>> even = Layout(layout.genes, valid=lambda genes: sum(genes["heads"]) % 2 == 0 or "the heads are odd")
        >>> even.why_not({"depth": 1, "heads": [1]})
        ['The combination of genes is not allowed: the heads are odd.']
    """

    genes: tuple[Gene, ...]
    valid: Valid | None = None

    def __post_init__(self) -> None:
        if not self.genes:
            raise SpecError("A space needs at least one gene.")
        names = [gene.name for gene in self.genes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SpecError(f"Two genes have the name '{twice[0]}'; give each gene a distinct name.")
        whole = {gene.name for gene in self.fixed if all(is_whole(each) and each >= 0 for each in gene.choices)}  # type: ignore[operator]
        for gene in self.layered:
            axis = gene.along
            if not isinstance(axis, str) or axis in whole:
                continue
            if axis not in names:
                raise SpecError(
                    f"The gene '{gene.name}' is along '{axis}', which is not a gene. {suggestion(axis, names)}"
                )
            raise SpecError(
                f"The gene '{gene.name}' is along '{axis}', which does not have whole numbers as values. Give "
                f"Total('{axis}') or Length('{axis}') if they are lists, or a function of the genes."
            )

    @cached_property
    def fixed(self) -> tuple[Gene, ...]:
        """The genes with one value for the whole architecture."""
        return tuple(gene for gene in self.genes if gene.along is None)

    @cached_property
    def layered(self) -> tuple[Gene, ...]:
        """The genes with a list of values, such as one per layer or stage."""
        return tuple(gene for gene in self.genes if gene.along is not None)

    def count(self, gene: Gene, genes: Genes) -> int:
        """Returns the number of values of a gene of `layered`.

        Args:
            gene: The gene.
            genes: At least the genes that the number depends on.

        Raises:
            SpecError: If its axis gives no number of values.
        """
        axis = gene.along
        if axis is None:
            raise SpecError(f"The gene '{gene.name}' has a single value and no axis.")
        try:
            found = genes[axis] if isinstance(axis, str) else axis(genes) if callable(axis) else axis
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise SpecError(
                f"The axis of the gene '{gene.name}' fails ({type(error).__name__}: {error}). It may only "
                "read genes with one value and lists declared before it."
            ) from error
        if not is_whole(found) or found < 0:
            raise SpecError(
                f"The axis of the gene '{gene.name}' returns {found!r}; it must return a whole number of at least 0."
            )
        return int(found)

    def sample(self, rng: np.random.Generator) -> Genes:
        """Draws every gene, and every value of a list, uniformly and independently.

        Raises:
            SpecError: If none of `DRAWS` draws is valid.
        """
        for _ in range(DRAWS):
            genes: Genes = {gene.name: gene.draw(rng) for gene in self.fixed}
            for gene in self.layered:
                genes[gene.name] = [gene.draw(rng) for _ in range(self.count(gene, genes))]
            if self._refusal(genes) is None:
                return genes
        names = ", ".join(gene.name for gene in self.genes)
        raise SpecError(
            f"None of {DRAWS:,} draws of the genes {names} was valid. Choose genes with mostly valid combinations."
        )

    def mutate(self, genes: Genes, rng: np.random.Generator) -> Genes:
        """Changes one gene, chosen uniformly by name and then, for a list, by place.

        If a list becomes shorter, its last values are dropped; if it becomes longer, new values are drawn. Genes
        without an alternative are returned unchanged.
        """
        choosable = [gene for gene in self.genes if len(gene.choices) > 1 and genes[gene.name] != []]
        if not choosable:
            return _copy(genes)
        for _ in range(TRIES):
            child = self._mutant(genes, choosable[rng.integers(len(choosable))], rng)
            if self._refusal(child) is None:
                return child
        near = self.neighbours(genes)
        return near[rng.integers(len(near))] if near else _copy(genes)

    def crossover(self, first: Genes, second: Genes, rng: np.random.Generator) -> Genes:
        """Takes every gene, and every value of a list, from either parent with probability 1/2.

        A value that only one parent has is taken from it; a value that neither has is drawn. If no valid child is
        found, the first parent is returned.
        """
        for _ in range(TRIES):
            child = self._child((first, second), rng)
            if self._refusal(child) is None:
                return child
        return _copy(first)

    def neighbours(self, genes: Genes) -> list[Genes]:
        """Returns all valid genes that differ in one value, in a fixed order.

        If a list becomes shorter, its last values are dropped; if it becomes longer, its last value is repeated.
        """
        found = []
        for gene in self.fixed:
            others = gene.others(genes[gene.name])
            found += [self._extended({**_copy(genes), gene.name: value}) for value in others]
        for gene in self.layered:
            for place, current in enumerate(genes[gene.name]):
                for value in gene.others(current):
                    neighbour = _copy(genes)
                    neighbour[gene.name][place] = value
                    found.append(self._extended(neighbour))
        return found if self.valid is None else [each for each in found if self._refusal(each) is None]

    def why_not(self, genes: object) -> list[str]:
        """Returns the reasons why genes are not allowed, as sentences; an empty list if they are allowed."""
        if not isinstance(genes, Mapping):
            return [f"Genes must be a mapping of names to values, not {genes!r}."]
        names = [gene.name for gene in self.genes]
        reasons = [f"There is no gene '{name}'. {suggestion(str(name), names)}" for name in genes if name not in names]
        for gene in self.genes:
            if gene.name not in genes:
                reasons.append(f"The gene '{gene.name}' is missing; allowed: {gene.allowed()}.")
            elif gene.along is not None:
                reasons += self._why_not_list(gene, genes)
            elif gene.match(genes[gene.name]) is None:
                reasons.append(f"The gene '{gene.name}' is {genes[gene.name]!r}; allowed: {gene.allowed()}.")
        if reasons:
            return reasons
        normal = self.normalised(genes)
        reasons = [reason for gene in self.layered for reason in self._why_not_count(gene, normal)]
        refusal = None if reasons else self._refusal(normal)
        return reasons if refusal is None else [refusal]

    def normalised(self, genes: Mapping[str, Any]) -> Genes:
        """Returns allowed genes in canonical types: the declared choices, with lists for sequences."""
        normal: Genes = {gene.name: gene.match(genes[gene.name]) for gene in self.fixed}
        for gene in self.layered:
            normal[gene.name] = [gene.match(value) for value in genes[gene.name]]
        return normal

    def _refusal(self, genes: Genes) -> str | None:
        """Returns the reason why a combination of allowed values is invalid, as a sentence; None if it is valid."""
        answer = True if self.valid is None else self.valid(_copy(genes))
        if answer and not isinstance(answer, str):
            return None
        reason = f": {answer.rstrip('.')}" if isinstance(answer, str) else ""
        return f"The combination of genes is not allowed{reason}."

    def _mutant(self, genes: Genes, gene: Gene, rng: np.random.Generator) -> Genes:
        child = _copy(genes)
        if gene.along is None:
            child[gene.name] = gene.draw_other(child[gene.name], rng)
        else:
            place = int(rng.integers(len(child[gene.name])))
            child[gene.name][place] = gene.draw_other(child[gene.name][place], rng)
        for each in self.layered:
            values, wanted = child[each.name], self.count(each, child)
            child[each.name] = values[:wanted] + [each.draw(rng) for _ in range(wanted - len(values))]
        return child

    def _child(self, parents: tuple[Genes, Genes], rng: np.random.Generator) -> Genes:
        child: Genes = {gene.name: parents[rng.integers(2)][gene.name] for gene in self.fixed}
        for gene in self.layered:
            values = []
            for place in range(self.count(gene, child)):
                holders = [parent[gene.name] for parent in parents if place < len(parent[gene.name])]
                values.append(holders[rng.integers(len(holders))][place] if holders else gene.draw(rng))
            child[gene.name] = values
        return _copy(child)

    def _extended(self, genes: Genes) -> Genes:
        """Adjusts the lists of genes to their lengths without drawing."""
        for gene in self.layered:
            values, wanted = genes[gene.name], self.count(gene, genes)
            last = values[-1:] or [gene.match(gene.choices[0])]
            genes[gene.name] = (values + last * (wanted - len(values)))[:wanted]
        return genes

    def _why_not_list(self, gene: Gene, genes: Mapping[str, Any]) -> Iterable[str]:
        values = elements(genes[gene.name])
        if values is None:
            yield f"The gene '{gene.name}' is {genes[gene.name]!r}; it must be a list of values."
            return
        for place, value in enumerate(values, start=1):
            if gene.match(value) is None:
                yield f"Value {place} of the gene '{gene.name}' is {value!r}; allowed: {gene.allowed()}."

    def _why_not_count(self, gene: Gene, genes: Genes) -> Iterable[str]:
        given, wanted = len(genes[gene.name]), self.count(gene, genes)
        if given != wanted:
            because = f"for a '{gene.along}' of {wanted}" if isinstance(gene.along, str) else "with these genes"
            yield f"The gene '{gene.name}' has {given} values; {because} it must have {wanted}."


def _copy(genes: Genes) -> Genes:
    found: Genes = copied(genes)
    return found

"""The genes of a space together: what is allowed, and sampling and variation, written once for all spaces."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from autoprox.base.errors import SpecError, suggestion
from autoprox.base.numbers import is_whole
from autoprox.spaces.genes import Gene, Genes, copied, elements

Valid = Callable[[Genes], bool | str]
"""Whether genes are allowed together: true, false, or a text that says why not."""

DRAWS = 10_000
"""Draws among which one has to be valid."""
TRIES = 100
"""Mutants or children among which one should be valid; after that, one that is known to be is taken."""


@dataclass(frozen=True)
class Layout:
    """The genes of a space.

    Args:
        genes: All genes, in the order in which they are drawn: first those with one value, then the lists.
        valid: Which combinations of allowed values are allowed; all if None.

    Raises:
        SpecError: If two genes have one name, or one is along what does not say how many values it has.

    Example:
        >>> layout = Layout((Gene("depth", (1, 2)), Gene("heads", (1, 2, 4), along="depth")))
        >>> layout.why_not({"depth": 2, "heads": [1, 3]})
        ["Value 2 of the gene 'heads' is 3; allowed: 1, 2, 4."]
        >>> even = Layout(layout.genes, valid=lambda genes: sum(genes["heads"]) % 2 == 0 or "the heads are odd")
        >>> even.why_not({"depth": 1, "heads": [1]})
        ['The genes do not go together: the heads are odd.']
    """

    genes: tuple[Gene, ...]
    valid: Valid | None = None

    def __post_init__(self) -> None:
        if not self.genes:
            raise SpecError("A space needs at least one gene.")
        names = [gene.name for gene in self.genes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SpecError(f"Two genes have the name '{twice[0]}'; name each of them otherwise.")
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
                f"The gene '{gene.name}' is along '{axis}', whose values are not whole numbers. Say Total('{axis}') or "
                f"Length('{axis}') if they are lists, or give a function of the genes."
            )

    @cached_property
    def fixed(self) -> tuple[Gene, ...]:
        """The genes with one value for the whole architecture."""
        return tuple(gene for gene in self.genes if gene.along is None)

    @cached_property
    def layered(self) -> tuple[Gene, ...]:
        """The genes with a list of values: one for each layer, stage or whatever they are along."""
        return tuple(gene for gene in self.genes if gene.along is not None)

    def count(self, gene: Gene, genes: Genes) -> int:
        """How many values a gene of `layered` has.

        Args:
            gene: The gene.
            genes: The genes that it depends on, at least.

        Raises:
            SpecError: If its axis gives no number of values.
        """
        axis = gene.along
        if axis is None:
            raise SpecError(f"The gene '{gene.name}' has one value, and is along nothing.")
        try:
            found = genes[axis] if isinstance(axis, str) else axis(genes) if callable(axis) else axis
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise SpecError(
                f"The axis of the gene '{gene.name}' fails ({type(error).__name__}: {error}). It may read the genes "
                "with one value, and the lists that are declared before it."
            ) from error
        if not is_whole(found) or found < 0:
            raise SpecError(f"The axis of the gene '{gene.name}' gives {found!r}; it must give a whole number from 0.")
        return int(found)

    def sample(self, rng: np.random.Generator) -> Genes:
        """Draws every gene uniformly and independently, the values of a list one by one.

        Raises:
            SpecError: If none of many draws is valid.
        """
        for _ in range(DRAWS):
            genes: Genes = {gene.name: gene.draw(rng) for gene in self.fixed}
            for gene in self.layered:
                genes[gene.name] = [gene.draw(rng) for _ in range(self.count(gene, genes))]
            if self._refusal(genes) is None:
                return genes
        names = ", ".join(gene.name for gene in self.genes)
        raise SpecError(
            f"None of {DRAWS:,} draws of the genes {names} was valid. Choose genes most of whose combinations are."
        )

    def mutate(self, genes: Genes, rng: np.random.Generator) -> Genes:
        """Changes one gene, chosen uniformly by name and then, for a list, by place.

        Where a list becomes shorter its last values are dropped, and where it becomes longer the new ones are drawn.
        Genes that leave nothing to change come back as they are.
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

        Where only one parent has a value, it is taken; where neither has, it is drawn. Parents whose children are not
        valid give back the first of them.
        """
        for _ in range(TRIES):
            child = self._child((first, second), rng)
            if self._refusal(child) is None:
                return child
        return _copy(first)

    def neighbours(self, genes: Genes) -> list[Genes]:
        """All valid genes that differ in one value, in a fixed order.

        Where a list becomes shorter its last values are dropped, and where it becomes longer the last one is repeated.
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
        """Says in sentences why genes are not allowed; an empty list if they are."""
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
        """Returns allowed genes in their canonical types: the declared choices, lists for sequences."""
        normal: Genes = {gene.name: gene.match(genes[gene.name]) for gene in self.fixed}
        for gene in self.layered:
            normal[gene.name] = [gene.match(value) for value in genes[gene.name]]
        return normal

    def _refusal(self, genes: Genes) -> str | None:
        """Why allowed values are not allowed together, as a sentence."""
        answer = True if self.valid is None else self.valid(_copy(genes))
        if answer and not isinstance(answer, str):
            return None
        reason = f": {answer.rstrip('.')}" if isinstance(answer, str) else ""
        return f"The genes do not go together{reason}."

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
        """Brings the lists of genes to their lengths, without a draw."""
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

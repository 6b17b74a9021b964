"""The proxy language as DEAP's typed primitive sets, and conversion between DEAP's trees and graphs.

There are two grammars. The terminals of the grammar of proxies are leaves: TENSOR to NODE expressions with available
values, so that a candidate costs only array arithmetic. The terminals of the grammar of leaves are statistics.

DEAP requires a class for each type. The classes are made here, one per kind, and are never compared by identity across
runs: all choices follow the order of registration, which is the same in every process.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from deap import gp

from autoprox.base.errors import RegistryError
from autoprox.graph import PRIMITIVES, Expression, Form, Kind, Level, Primitive
from autoprox.inspect.nodes import Site
from autoprox.statistics import STATISTICS, Statistic, StatisticKind

Item: TypeAlias = gp.Primitive | gp.Terminal
"""One entry of a tree in prefix notation."""

DRAWN_PASSES = frozenset({"static", "data", "synflow"})
"""The passes with statistics that evolution draws: the data pass, and passes that add at most a third to the time of
the first bank, for which a cold run waits.

Measured on one core, 32 images of 28 px, in plain forward and backward passes of the same network: the first bank costs
13 without synflow and 15 to 18 with it. Of the other passes, virtual is as cheap, but no published proxy of the zoo
uses it; noise and perturbed cost 1.6 to 1.8, batches 2, samples and hessian 2.5 to 3.5 each, before
anything is reduced.
`python benchmarks/speed/collect.py --small` measures it.
"""

_MOST_BUILT = 50_000
# Largest number of stored subtrees. Children share most subtrees with their parents, and each costs a digest to build.

TypeKey = tuple[Level, Site | None, str | None]

LeafWeights = Mapping[StatisticKind, float]
"""Relative frequency of leaves with statistics of each kind; only ratios matter."""

LeafGroup = tuple[Site, StatisticKind]
"""Group of leaves with a common weight: their site, and the kind of their statistics."""


def type_key(kind: Kind) -> TypeKey:
    """Part of a kind that DEAP's types distinguish: roles are checked when the graph is built, not by type."""
    return (kind.level, kind.site, kind.shape)


@dataclass(frozen=True, eq=False)
class WeightedChoice:
    """Items with sampling weights.

    Args:
        items: `n` items.
        cumulated: Their cumulated sampling weights, shape `(n,)`.
    """

    items: Sequence[Item]
    cumulated: npt.NDArray[np.float64]

    def draw(self, rng: np.random.Generator) -> Item:
        """Draws an item, in proportion to the weights."""
        return self.items[int(np.searchsorted(self.cumulated, rng.random() * self.cumulated[-1], side="right"))]


class Grammar:
    """A typed primitive set with sampling weights and the shortest possible height of each type.

    Args:
        root: Type of a whole tree.
        leaf_shares: Total sampling weight of each group of leaves; each leaf has weight 1 if None.

    Attributes:
        pset: DEAP's primitive set.
    """

    def __init__(self, root: TypeKey, leaf_shares: Mapping[LeafGroup, float] | None = None) -> None:
        self._leaf_shares = leaf_shares
        self._types: dict[TypeKey, type] = {}
        self._operations: dict[str, Primitive | Expression] = {}
        self._weights: dict[str, float] = {}
        self._choices: dict[tuple[object, ...], WeightedChoice] = {}
        self._built: dict[tuple[object, ...], Expression] = {}
        self.pset = gp.PrimitiveSetTyped("proxy", [], self.type_of(root))

    def type_of(self, key: TypeKey) -> type:
        """DEAP's class for a kind."""
        if key not in self._types:
            self._types[key] = type("_".join(str(part) for part in key if part is not None), (), {})
        return self._types[key]

    def add_primitive(self, primitive: Primitive, inner: TypeKey, result: TypeKey, weight: float) -> None:
        """Adds one primitive for arguments of one type."""
        name = ".".join(str(part) for part in (primitive.name, *inner) if part is not None)
        self.pset.addPrimitive(
            primitive.function, [self.type_of(inner)] * primitive.arity, self.type_of(result), name=name
        )
        self._operations[name] = primitive
        self._weights[name] = weight
        self._choices.clear()

    def add_terminal(self, expression: Expression) -> None:
        """Adds an expression as a terminal; an existing one is unchanged."""
        name = expression.digest
        if name not in self._operations:
            self.pset.addTerminal(expression, self.type_of(type_key(expression.kind)), name=name)
            self._operations[name] = expression
            self._weights[name] = 1.0
            self._choices.clear()

    def terminals(self, type_: type) -> "WeightedChoice":
        """The terminals of a type."""
        key = (type_, None)
        if key not in self._choices:
            self._choices[key] = self._choice(self.pset.terminals[type_])
        return self._choices[key]

    def primitives(self, type_: type, room: int) -> "WeightedChoice":
        """The primitives of a type that can root a tree of height at most `room`."""
        key = (type_, room)
        if key not in self._choices:
            least = self.least_heights
            fitting = [
                each
                for each in self.pset.primitives[type_]
                if all(argument in least and least[argument] < room for argument in each.args)
            ]
            self._choices[key] = self._choice(fitting)
        return self._choices[key]

    def like(self, item: Item) -> "WeightedChoice":
        """Possible replacements of an item: terminals of its type, or primitives of its signature."""
        if isinstance(item, gp.Terminal):
            return self.terminals(item.ret)
        key = (item.ret, tuple(item.args))
        if key not in self._choices:
            same = [each for each in self.pset.primitives[item.ret] if each.args == item.args]
            self._choices[key] = self._choice(same)
        return self._choices[key]

    def above(self, type_: type) -> "WeightedChoice":
        """The primitives with an argument and a result of a type."""
        key = (type_, "above")
        if key not in self._choices:
            self._choices[key] = self._choice([each for each in self.pset.primitives[type_] if type_ in each.args])
        return self._choices[key]

    def _choice(self, items: Sequence[Item]) -> "WeightedChoice":
        leaves = [each for each in (self._operations[item.name] for item in items) if isinstance(each, Expression)]
        if self._leaf_shares is None or not leaves:
            return WeightedChoice(items, np.cumsum([self._weights[each.name] for each in items]))
        groups = [leaf_group(leaf) for leaf in leaves]
        sizes = Counter(groups)
        return WeightedChoice(items, np.cumsum([self._leaf_shares[group] / sizes[group] for group in groups]))

    def expression(self, tree: Iterable[Item]) -> Expression:
        """The graph of a tree.

        Raises:
            KindError: If the roles of two values do not match, which types alone do not exclude.
        """
        if len(self._built) > _MOST_BUILT:
            self._built.clear()
        stack: list[Expression] = []
        for item in reversed(list(tree)):
            operation = self._operations[item.name]
            stack.append(operation if isinstance(operation, Expression) else self._applied(item.name, operation, stack))
        return stack.pop()

    def _applied(self, name: str, operation: Primitive, stack: list[Expression]) -> Expression:
        """Applies a primitive to the last expressions of a stack, which are removed."""
        arguments = [stack.pop() for _ in range(operation.arity)]
        key = (name, *map(id, arguments))  # a stored expression keeps its arguments, so that no id is used again
        found = self._built.get(key)
        if found is None:
            found = self._built[key] = Expression(operation, arguments)
        return found

    def tree(self, expression: Expression) -> gp.PrimitiveTree:
        """The tree of a graph, the inverse of `expression`; terminals are found before primitives.

        Raises:
            RegistryError: If the graph contains something that is not in the grammar.
        """
        items: list[Item] = []
        stack = [expression]
        while stack:
            each = stack.pop()
            if each.digest in self._operations:
                items.append(self.pset.mapping[each.digest])
                continue
            inner = type_key(each.arguments[0].kind) if each.arguments else (each.operation.name,)
            name = ".".join(str(part) for part in (each.operation.name, *inner) if part is not None)
            if name not in self._operations:
                raise RegistryError(f"'{each}' cannot be drawn from this grammar, which has no '{name}'.")
            items.append(self.pset.mapping[name])
            stack.extend(reversed(each.arguments))
        return gp.PrimitiveTree(items)

    def can_draw(self, expression: Expression) -> bool:
        """True if a graph can be drawn from the grammar."""
        try:
            self.tree(expression)
        except RegistryError:
            return False
        return True

    @cached_property
    def least_heights(self) -> dict[type, int]:
        """Height of the lowest tree of each type."""
        heights: dict[type, int] = {type_: 0 for type_, terminals in self.pset.terminals.items() if terminals}
        changed = True
        while changed:
            changed = False
            for type_, primitives in self.pset.primitives.items():
                for primitive in primitives:
                    if all(argument in heights for argument in primitive.args):
                        height = 1 + max(heights[argument] for argument in primitive.args)
                        if height < heights.get(type_, height + 1):
                            heights[type_] = height
                            changed = True
        return heights


def proxy_grammar(leaves: Sequence[Expression], weights: LeafWeights | None = None) -> Grammar:
    """The grammar of proxies over leaves: NODE and SCALAR arithmetic.

    A site is drawn in proportion to the number of its statistics, and the leaves of a site uniformly. With weights, a
    kind of statistic is drawn in proportion to its weight, then a site in proportion to its number of statistics of
    that kind, then a leaf of that kind and site uniformly.

    Args:
        leaves: NODE expressions with available values. More can be added later.
        weights: The weight of each kind of statistics; all above 0.

    Example:
        >>> from autoprox.graph import parse
        >>> params, l1 = (parse(text) for text in ("params", "l1(weight)"))
        >>> grammar = proxy_grammar([params, l1], {StatisticKind.COUNT: 3, StatisticKind.TENSOR: 1})
        >>> grammar.terminals(grammar.type_of(type_key(params.kind))).cumulated
        array([3., 4.])
    """
    scalar: TypeKey = (Level.SCALAR, None, None)
    sites = list(dict.fromkeys(leaf_group(leaf)[0] for leaf in leaves))
    beside = (
        STATISTICS[name] for leaf in leaves if not leaf.arguments or leaf.needs_teacher for name in leaf.statistics
    )
    statistics = dict.fromkeys([*drawn_statistics(), *beside])
    found = Counter((each.site, each.kind) for each in statistics if each.site in sites)
    kinds = Counter(kind for _, kind in found.elements())
    shares = None if weights is None else {group: weights[group[1]] * found[group] / kinds[group[1]] for group in found}
    grammar = Grammar(scalar, shares)
    of_site = {site: sum(share for group, share in (shares or found).items() if group[0] == site) for site in sites}
    for site in sites:
        node: TypeKey = (Level.NODE, site, None)
        for primitive in drawn_primitives(Level.NODE):
            aggregates = primitive.form is Form.AGGREGATE
            weight = primitive.weight * (of_site[site] / sum(of_site.values()) if aggregates else 1.0)
            grammar.add_primitive(primitive, node, scalar if aggregates else node, weight)
    for primitive in drawn_primitives(Level.SCALAR):
        grammar.add_primitive(primitive, scalar, scalar, primitive.weight)
    for leaf in leaves:
        grammar.add_terminal(leaf)
    return grammar


def leaf_grammar(site: Site, *, paired: bool = False) -> Grammar:
    """The grammar of leaves at one site: TENSOR arithmetic under a reduction.

    Args:
        site: The site.
        paired: Includes paired statistics if true.
    """
    node: TypeKey = (Level.NODE, site, None)
    grammar = Grammar(node)
    statistics = [each for each in tensor_statistics(paired=paired) if each.site == site]
    shapes = list(dict.fromkeys(str(each.shape) for each in statistics))
    for shape in shapes:
        for kind in (Kind.tensor(site, shape), Kind.tensor(site, f"gram {shape}")):
            for primitive in drawn_primitives(Level.TENSOR):
                result = primitive.result_kind((kind,) * primitive.arity)
                grammar.add_primitive(primitive, type_key(kind), type_key(result), primitive.weight)
    for statistic in statistics:
        grammar.add_terminal(Expression(statistic))
    return grammar


def leaf_group(leaf: Expression) -> LeafGroup:
    """The site of a leaf and the kind of its statistics, which is unique: only counts are leaves by themselves.

    Example:
        >>> from autoprox.graph import parse
        >>> leaf_group(parse("params"))
        (<Site.LINEAR: 'linear'>, <StatisticKind.COUNT: 'count'>)
    """
    site = leaf.kind.site
    assert site is not None
    return site, STATISTICS[leaf.statistics[0]].kind


def tensor_statistics(*, paired: bool = False) -> list[Statistic]:
    """The statistics of `DRAWN_PASSES` that are one tensor per node; also the paired ones if `paired` is true."""
    drawn = [*drawn_statistics(), *(paired_statistics() if paired else ())]
    return [each for each in drawn if each.kind is StatisticKind.TENSOR]


def paired_statistics() -> list[Statistic]:
    """The registered statistics that compare with a teacher, which evolution draws if there is one."""
    return [each for each in STATISTICS.values() if each.paired is not None]


def drawn_statistics() -> list[Statistic]:
    """The registered statistics of `DRAWN_PASSES`."""
    return [each for each in STATISTICS.values() if each.pass_.name in DRAWN_PASSES]


def drawn_primitives(level: Level) -> list[Primitive]:
    """The primitives of a level that evolution draws."""
    return [each for each in PRIMITIVES[level].values() if each.weight > 0]

"""Leaves of a bank: the first ones, and leaves added during evolution."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import combinations

import numpy as np

from autoprox.base.digest import derived_seed
from autoprox.bench.problem import Problem
from autoprox.evolve.grammar import (
    Grammar,
    drawn_primitives,
    drawn_statistics,
    leaf_grammar,
    paired_statistics,
    tensor_statistics,
)
from autoprox.evolve.variation import generate, mutate
from autoprox.graph import Complexity, Expression, Form, Level, Primitive, find_primitive
from autoprox.inspect.nodes import Site
from autoprox.statistics import STATISTICS, StatisticKind

FIRST_DEEPER = 24
"""Leaves with TENSOR arithmetic in the first bank, in addition to every reduction of every statistic."""

FIRST_COMPLEXITY = Complexity.LINEAR
"""Reductions that cost more are not combined with every statistic; the bank may add them as it grows."""

DEEPER_COMPLEXITY = Complexity.PRODUCT
"""The same for the deeper leaves of the first bank."""

MAX_LEAF_HEIGHT = 3
"""Largest height of a leaf: two TENSOR operations below the reduction."""

_TRIES = 20
"""Draws for one new leaf before it is skipped."""


@cache
def first_bank() -> tuple[Expression, ...]:
    """The bank at the start of every evolution.

    It contains all drawn counts, every reduction of every statistic and of every value times its gradient, every
    comparison of the two, and deeper leaves. It uses only cheap primitives (`FIRST_COMPLEXITY`, `DEEPER_COMPLEXITY`).
    The deeper leaves are drawn with a fixed, separate seed, so that all runs on a table share them and the cache.
    """
    counts = [Expression(each) for each in drawn_statistics() if each.kind is StatisticKind.COUNT]
    reductions, comparisons = _cheap(Form.REDUCE), _cheap(Form.COMPARE)
    tensors = [Expression(each) for each in tensor_statistics()]
    product = find_primitive("mul", Level.TENSOR)
    # The published saliencies (SNIP, Fisher, synflow) all use value times gradient.
    pairs = [pair for pair in combinations(tensors, 2) if pair[0].kind == pair[1].kind]
    products = [Expression(product, pair) for pair in pairs]
    plain = [Expression(each, [tensor]) for tensor in (*tensors, *products) for each in reductions]
    plain += [Expression(each, pair) for pair in pairs for each in comparisons]
    known = {each.digest for each in (*counts, *plain)}
    rng = np.random.default_rng(derived_seed("first bank", 1))
    return (*counts, *plain, *_fresh(known, FIRST_DEEPER, (), rng, DEEPER_COMPLEXITY))


def own_counts(problem: Problem) -> tuple[str, ...]:
    """The counts that only spaces of a problem have, such as bits; none for plain networks.

    Example:
        >>> from autoprox.bench import Table
        >>> table = Table.read()
        >>> own_counts(Problem(table, tuple(table.blocks())))
        ()
    """
    spaces = dict.fromkeys(block.space for block in problem.blocks)
    return tuple(dict.fromkeys(count for name in spaces for count in problem.table.spaces[name].own_statistics))


def own_leaves(problem: Problem) -> list[Expression]:
    """The leaves that only a problem has: the counts of `own_counts`, and comparisons with its teachers."""
    return [
        *(Expression(STATISTICS[name]) for name in own_counts(problem)),
        *(paired_leaves() if problem.teachers else ()),
    ]


def paired_leaves() -> list[Expression]:
    """Every cheap reduction of every paired statistic.

    Example:
        >>> str(paired_leaves()[0])
        'sum(teacher_attention)'
    """
    tensors = [Expression(each) for each in paired_statistics()]
    return [Expression(each, [tensor]) for tensor in tensors for each in _cheap(Form.REDUCE)]


def _cheap(form: Form) -> list[Primitive]:
    """The primitives of the first bank that turn a tensor into a number."""
    return [
        each for each in drawn_primitives(Level.TENSOR) if each.form is form and each.complexity <= FIRST_COMPLEXITY
    ]


def grown(
    bank: Iterable[Expression], parents: Sequence[Expression], number: int, rng: np.random.Generator
) -> list[Expression]:
    """New leaves for the bank: mutants of leaves of good proxies, and as many random ones.

    Paired statistics are drawn if the bank has leaves with them.

    Args:
        bank: All leaves so far, including unusable ones.
        parents: Leaves of good proxies.
        number: Largest number of new leaves.
        rng: Source of randomness.
    """
    known = {each.digest: each for each in bank}
    paired = any(each.needs_teacher for each in known.values())
    return _fresh(set(known), number, [each for each in parents if each.arguments], rng, paired=paired)


@cache
def _grammar(site: Site, *, paired: bool) -> Grammar:
    return leaf_grammar(site, paired=paired)


def _fresh(
    known: set[str],
    number: int,
    parents: Sequence[Expression],
    rng: np.random.Generator,
    dearest: Complexity = Complexity.SPECTRAL,
    *,
    paired: bool = False,
) -> list[Expression]:
    known = set(known)
    made: list[Expression] = []
    # The sites of the TENSOR statistics, repeated per statistic, so that draws are in proportion.
    sites = [each.site for each in tensor_statistics(paired=paired)]
    for index in range(number):
        for _ in range(_TRIES):
            if parents and index % 2 == 0:
                leaf = _mutant(parents[int(rng.integers(len(parents)))], rng, paired=paired)
            else:
                grammar = _grammar(sites[int(rng.integers(len(sites)))], paired=paired)
                leaf = grammar.expression(generate(grammar, grammar.pset.ret, MAX_LEAF_HEIGHT, rng))
            if leaf.digest not in known and leaf.complexity <= dearest:
                known.add(leaf.digest)
                made.append(leaf)
                break
    return made


def _mutant(parent: Expression, rng: np.random.Generator, *, paired: bool) -> Expression:
    assert parent.kind.site is not None
    grammar = _grammar(parent.kind.site, paired=paired)
    return grammar.expression(mutate(grammar, grammar.tree(parent), MAX_LEAF_HEIGHT, rng))

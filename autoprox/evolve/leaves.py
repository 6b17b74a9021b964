"""Which leaves a bank holds: the first ones, and those that it grows by while evolution goes on."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import combinations

import numpy as np

from autoprox.base.digest import derived_seed
from autoprox.bench.problem import Problem
from autoprox.evolve.grammar import Grammar, drawn_primitives, drawn_statistics, leaf_grammar, tensor_statistics
from autoprox.evolve.variation import generate, mutate
from autoprox.graph import Complexity, Expression, Form, Level, find_primitive
from autoprox.inspect.nodes import Site
from autoprox.statistics import STATISTICS, StatisticKind

FIRST_DEEPER = 24
"""Leaves with TENSOR arithmetic in the first bank, besides every reduction of every statistic."""

FIRST_COMPLEXITY = Complexity.LINEAR
"""Reductions that cost more than this are not crossed with every statistic; the bank meets them as it grows."""

DEEPER_COMPLEXITY = Complexity.PRODUCT
"""The same for the deeper leaves of the first bank."""

MAX_LEAF_HEIGHT = 3
"""Bound on the height of a leaf: two TENSOR operations under the reduction."""

_TRIES = 20
"""Draws for one new leaf before the bank goes without it."""


@cache
def first_bank() -> tuple[Expression, ...]:
    """The bank that every evolution starts with.

    It holds all drawn counts, every reduction of every statistic and of every value times its gradient, every
    comparison of the two, and deeper ones; of primitives only those that are cheap (`FIRST_COMPLEXITY`,
    `DEEPER_COMPLEXITY`). The deeper ones are drawn from a fixed seed of their own, not from the run's: all runs on a
    table share them, and so the cache.
    """
    counts = [Expression(each) for each in drawn_statistics() if each.kind is StatisticKind.COUNT]
    cheap = [
        each for each in drawn_primitives(Level.TENSOR) if each.form.reduces and each.complexity <= FIRST_COMPLEXITY
    ]
    reductions, comparisons = ([each for each in cheap if each.form is form] for form in (Form.REDUCE, Form.COMPARE))
    tensors = [Expression(each) for each in tensor_statistics()]
    product = find_primitive("mul", Level.TENSOR)
    # Value times gradient is what the published saliencies (SNIP, Fisher, synflow) have in common.
    pairs = [pair for pair in combinations(tensors, 2) if pair[0].kind == pair[1].kind]
    products = [Expression(product, pair) for pair in pairs]
    plain = [Expression(each, [tensor]) for tensor in (*tensors, *products) for each in reductions]
    plain += [Expression(each, pair) for pair in pairs for each in comparisons]
    known = {each.digest for each in (*counts, *plain)}
    rng = np.random.default_rng(derived_seed("first bank", 1))
    return (*counts, *plain, *_fresh(known, FIRST_DEEPER, (), rng, DEEPER_COMPLEXITY))


def own_counts(problem: Problem) -> tuple[str, ...]:
    """The counts that spaces of a problem have beside those of all networks, such as bits; none for plain networks.

    Example:
        >>> from autoprox.bench import Table
        >>> table = Table.read()
        >>> own_counts(Problem(table, tuple(table.blocks())))
        ()
    """
    spaces = dict.fromkeys(block.space for block in problem.blocks)
    return tuple(dict.fromkeys(count for name in spaces for count in problem.table.spaces[name].own_statistics))


def own_leaves(problem: Problem) -> list[Expression]:
    """These counts as leaves."""
    return [Expression(STATISTICS[name]) for name in own_counts(problem)]


def grown(
    bank: Iterable[Expression], parents: Sequence[Expression], number: int, rng: np.random.Generator
) -> list[Expression]:
    """New leaves for the bank: mutants of leaves that good proxies use, and as many drawn from nothing.

    Args:
        bank: All leaves so far, including those that were found useless.
        parents: Leaves of good proxies.
        number: How many to make at most.
        rng: Source of randomness.
    """
    return _fresh({each.digest for each in bank}, number, [each for each in parents if each.arguments], rng)


@cache
def _grammar(site: Site) -> Grammar:
    return leaf_grammar(site)


def _sites() -> list[Site]:
    """The sites of the TENSOR statistics, each as often as it has statistics: drawn in proportion to them."""
    return [each.site for each in tensor_statistics()]


def _fresh(
    known: set[str],
    number: int,
    parents: Sequence[Expression],
    rng: np.random.Generator,
    dearest: Complexity = Complexity.SPECTRAL,
) -> list[Expression]:
    known = set(known)
    made: list[Expression] = []
    sites = _sites()
    for index in range(number):
        for _ in range(_TRIES):
            if parents and index % 2 == 0:
                leaf = _mutant(parents[int(rng.integers(len(parents)))], rng)
            else:
                grammar = _grammar(sites[int(rng.integers(len(sites)))])
                leaf = grammar.expression(generate(grammar, grammar.pset.ret, MAX_LEAF_HEIGHT, rng))
            if leaf.digest not in known and leaf.complexity <= dearest:
                known.add(leaf.digest)
                made.append(leaf)
                break
    return made


def _mutant(parent: Expression, rng: np.random.Generator) -> Expression:
    assert parent.kind.site is not None
    grammar = _grammar(parent.kind.site)
    return grammar.expression(mutate(grammar, grammar.tree(parent), MAX_LEAF_HEIGHT, rng))

"""Terms of fitted combinations: logarithms of counts, and of scores of members of the hall of fame."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from autoprox.evolve._hall import Contender
from autoprox.evolve.grammar import drawn_statistics
from autoprox.graph import Evaluator, Expression, LeafTable, Level, find_primitive, is_nonnegative, parse
from autoprox.inspect.nodes import Site
from autoprox.statistics import STATISTICS, StatisticKind

_AGGREGATES = ("nodes_sum", "nodes_mean", "nodes_max", "nodes_min", "nodes_first", "nodes_last")
_OF_ANY_SITE = ("{}", "deep({})")
_OF_LINEAR = ("only_attention({})", "only_mlp({})", "only_ends({})")
"""Selections of a count's nodes by role, which only linear maps have."""


@cache
def count_terms(own: tuple[str, ...] = ()) -> tuple[Expression, ...]:
    """The logarithm of each count's sum, mean, extremes and ends over nodes: all, weighted by depth, and by role.

    Args:
        own: Counts in addition to those that evolution draws for all networks; see `Space.own_statistics`.

    Example:
        >>> [str(each) for each in count_terms()[:2]]
        ['log(nodes_sum(params))', 'log(nodes_mean(params))']
    """
    return tuple(
        parse(f"log({aggregate}({nodes.format(count.name)}))")
        for count in [*drawn_statistics(), *(STATISTICS[name] for name in own)]
        if count.kind is StatisticKind.COUNT
        for nodes in (*_OF_ANY_SITE, *(_OF_LINEAR if count.site is Site.LINEAR else ()))
        for aggregate in _AGGREGATES
    )


def member_terms(members: Sequence[Contender], tables: Sequence[LeafTable]) -> list[Expression]:
    """The logarithm of the scores of each member of the hall of fame with a constant sign.

    Args:
        members: The members.
        tables: Leaf values of the networks on which the sign has to be constant.
    """
    graphs = [each.graph for each in members]
    scores = np.concatenate([Evaluator(table).scores(graphs) for table in tables], axis=1)
    kept = np.asarray((scores > 0).all(axis=1) | (scores < 0).all(axis=1)).tolist()
    return [_logarithm(graph) for graph, keep in zip(graphs, kept, strict=True) if keep]


def _logarithm(graph: Expression) -> Expression:
    return Expression(find_primitive("log" if is_nonnegative(graph) else "logabs", Level.SCALAR), [graph])

"""Zoo proxies as rivals of a discovery, and scores of proxies on leaf values."""

from collections.abc import Mapping

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.bench.judging import Judge
from autoprox.evolve.grammar import drawn_statistics
from autoprox.evolve.leaves import DEEPER_COMPLEXITY
from autoprox.graph import Evaluator, Expression, LeafTable, Proxy
from autoprox.scorers import zoo_graphs


def affordable_zoo() -> dict[str, Proxy]:
    """Zoo proxies that are graphs over collected statistics, and no more expensive than the leaves of a discovery.

    Others would take more time than the statistics of a discovery; `python -m autoprox.zoo --bench` scores them all.
    """
    drawn = {each.name for each in drawn_statistics()}
    return {
        each.name: each
        for each in zoo_graphs()
        if drawn.issuperset(each.statistics)
        and all(leaf.complexity <= DEEPER_COMPLEXITY for leaf in each.graph.node_leaves)
    }


def graphs_of(proxies: Mapping[str, Proxy]) -> list[Expression]:
    """The graphs of proxies."""
    return [each.graph for each in proxies.values()]


def leaves_of_all(proxies: Mapping[str, Proxy]) -> list[Expression]:
    """The leaves of proxies, each once."""
    return list(dict.fromkeys(leaf for each in proxies.values() for leaf in each.graph.node_leaves))


def scores_of(proxies: Mapping[str, Proxy], leaves: LeafTable) -> Floats:
    """Scores of proxies, including the sign, `(P, A)`."""
    signs = np.array([each.sign for each in proxies.values()], dtype=np.float64)[:, None]
    return np.asarray(signs * Evaluator(leaves).scores(graphs_of(proxies)))


def best_of(zoo: Mapping[str, Proxy], select: Judge, leaves: LeafTable) -> str | None:
    """The zoo proxy with the highest joint correlation on select, the first among equals."""
    joints = select.joint(select.taus(scores_of(zoo, leaves)))
    ranked = [(joint, name) for joint, name in zip(joints, zoo, strict=True) if np.isfinite(joint)]
    return max(ranked, key=lambda each: each[0])[1] if ranked else None

"""Node-wise statistics of a network on a batch, and the cache of what was computed from them.

    statistic.py    what a statistic is, and what a pass is
    registry.py     the list of all statistics
    passes/         the ways to run a model: data, noise, synflow, Hessian, single images, several batches
    counts.py       one float per node: parameters, fans, tokens, MACs
    spread.py       how gradients differ between samples
    taps.py         hooks that take what was asked for, and nothing else
    preparation.py  model and batch, checked
    requirements.py what has to be given for them
    collection.py   `collect`: runs the passes that are needed, and gives what was asked for
    cache.py        results on disk, shared by processes, safe against a kill

`describe`, of autoprox.inspect, says which nodes of a network they are taken of.

To add a statistic, register it in registry.py; the suite in tests/conformance/test_statistics.py takes it up by itself.
"""

from autoprox.inspect import describe
from autoprox.statistics._all_statistics import STATISTICS
from autoprox.statistics._cache import StatisticsCache
from autoprox.statistics.collection import Collection, NodeInfo, collect
from autoprox.statistics.requirements import Requirements
from autoprox.statistics.statistic import BatchLoss, Pass, Stage, Statistic, StatisticKind, Tap

__all__ = [
    "STATISTICS",
    "BatchLoss",
    "Collection",
    "NodeInfo",
    "Pass",
    "Requirements",
    "Stage",
    "Statistic",
    "StatisticKind",
    "StatisticsCache",
    "Tap",
    "collect",
    "describe",
]

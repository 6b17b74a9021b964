"""Node-wise statistics of a network on a batch, and the cache of values computed from them.

    statistic.py        the classes of statistics and passes
    _all_statistics.py  the registry of all statistics
    passes/             ways to run a model: data, noise, synflow, Hessian, single images, several batches, a teacher
    maps.py             feature maps of any network, which two networks have in common
    _node_counts.py     one float per node: parameters, fans, tokens, MACs
    _spread.py          spread of gradients between samples
    _taps.py            hooks that record the requested tensors
    preparation.py      checks of model and batch
    requirements.py     inputs and passes that statistics need
    collection.py       `collect`: runs the necessary passes and returns the requested statistics
    _cache.py           results on disk, shared by processes, consistent after a kill

`autoprox.inspect.describe` lists the nodes of a network.

To add a statistic, register it in _all_statistics.py; tests/conformance/test_statistics.py covers it automatically.
"""

from autoprox.inspect import describe
from autoprox.statistics._all_statistics import STATISTICS, UNPAIRED
from autoprox.statistics._cache import StatisticsCache
from autoprox.statistics.collection import Collection, NodeInfo, collect
from autoprox.statistics.requirements import Requirements
from autoprox.statistics.statistic import BatchLoss, Pass, Stage, Statistic, StatisticKind, Tap

__all__ = [
    "STATISTICS",
    "UNPAIRED",
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

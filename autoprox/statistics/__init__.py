"""Node-wise statistics of a network on a batch, and the cache of what was computed from them.

    registry.py     what a statistic is, and the list of all
    counts.py       one float a node: parameters, fans, tokens, MACs
    batch.py        the checks of images and labels
    preserve.py     the model afterwards is the model before, to the bit
    taps.py         hooks that take what was asked for, and nothing else
    collection.py   `collect`: the passes, and the collection that they give
    cache.py        results on disk, shared by processes, safe against a kill

To add a statistic, register it in registry.py; the suite in tests/conformance/test_statistics.py takes it up by itself.
"""

from autoprox.statistics.cache import StatisticsCache
from autoprox.statistics.collection import Collection, NodeInfo, collect
from autoprox.statistics.registry import STATISTICS, Pass, Statistic, StatisticKind, Tap

__all__ = [
    "STATISTICS",
    "Collection",
    "NodeInfo",
    "Pass",
    "Statistic",
    "StatisticKind",
    "StatisticsCache",
    "Tap",
    "collect",
]

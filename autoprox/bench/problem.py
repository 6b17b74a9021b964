"""Blocks that proxies are judged on: how their correlations are joined, and which statistics are cached."""

from dataclasses import dataclass

from autoprox.bench.block import Block
from autoprox.bench.table import Table
from autoprox.metrics import Aggregate
from autoprox.statistics import StatisticsCache


@dataclass(frozen=True)
class Problem:
    """Target of a discovery: some blocks of a table.

    Args:
        table: The benchmark table.
        blocks: The blocks of it that count.
        aggregate: How correlations with blocks are joined.
        init_seeds: Number of initialisations that scores are averaged over.
        weights: One weight a block, for the weighted aggregate.
    """

    table: Table
    blocks: tuple[Block, ...]
    aggregate: Aggregate = Aggregate.MEAN
    init_seeds: int = 1
    weights: tuple[float, ...] | None = None


def statistics_of(table: Table) -> StatisticsCache:
    """The user's cache, and before it the statistics that lie beside a table, so that they need not be computed.

    Those count for networks of this table alone, and are not copied into the cache: whoever made the table could have
    written anything there.

    Args:
        table: The table.

    Example:
        >>> statistics_of(Table.read()).path.name
        'statistics.sqlite'
    """
    return StatisticsCache(beside=table.bank)

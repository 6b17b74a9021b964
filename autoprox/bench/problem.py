"""The target of a discovery: blocks to judge proxies on, their aggregate, and the cache of statistics."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoprox.bench.block import Block
from autoprox.bench.table import Table
from autoprox.metrics import Aggregate
from autoprox.networks import Teacher
from autoprox.statistics import StatisticsCache


@dataclass(frozen=True)
class Problem:
    """Target of a discovery: some blocks of a table.

    Args:
        table: The benchmark table.
        blocks: The selected blocks of the table.
        aggregate: Aggregate of the correlations with the blocks.
        init_seeds: Number of initialisations over which scores are averaged.
        weights: One weight per block, for the weighted aggregate.
        teachers: The network that paired statistics compare with, by data set; empty without one.
    """

    table: Table
    blocks: tuple[Block, ...]
    aggregate: Aggregate = Aggregate.MEAN
    init_seeds: int = 1
    weights: tuple[float, ...] | None = None
    teachers: Mapping[str, Teacher] = field(default_factory=dict)


def statistics_of(table: Table) -> StatisticsCache:
    """The user's cache, preceded by the precomputed statistics that a table may have.

    The precomputed statistics are used for networks of this table only. They are never copied into the cache, since
    the author of a table could have written anything into them.

    Args:
        table: The table.

    Example:
        >>> statistics_of(Table.read()).path.name
        'statistics.sqlite'
    """
    return StatisticsCache(beside=table.bank)

"""What proxies are judged for: some blocks of a table, and how their correlations are joined."""

from dataclasses import dataclass

from autoprox.bench.block import Block
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.graph.judging import Judge
from autoprox.metrics import Aggregate


@dataclass(frozen=True)
class Problem:
    """What a proxy is to be good for.

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

    def judge(self, *splits: Split) -> Judge:
        """The judge of some splits of the table.

        Raises:
            TableError: If a block has too few architectures or a constant label in these splits.
        """
        return Judge(self.table, self.blocks, splits, self.init_seeds, self.aggregate, self.weights)

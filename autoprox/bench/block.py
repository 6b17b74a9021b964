"""A block: one space x data set x label kind x metric of a table, the unit in which proxies are judged."""

from collections.abc import Collection
from dataclasses import dataclass

from autoprox.base.arrays import Floats
from autoprox.bench.schema import METRICS, Stratum


@dataclass(frozen=True, eq=False)
class Block:
    """The labels of one space, data set, label kind and metric.

    Attributes:
        space: Name of the space.
        dataset: Name of the data set.
        label_kind: Origin of the labels.
        metric: Quantity that the labels measure.
        arch_ids: `(n,)`, sorted.
        values: `(n,)`, mean over the seeds of each architecture.
        strata: `(n,)`, the stratum of each architecture.

    Example:
        >>> import numpy as np
        >>> block = Block("pit-micro", "digits", "scratch", "nll", ("a", "b"), np.array([0.5, 0.2]), ("free", "iso"))
        >>> block.name, block.goodness.tolist(), block.restricted({"b"}).values.tolist()
        ('pit-micro/digits/scratch/nll', [-0.5, -0.2], [0.2])
    """

    space: str
    dataset: str
    label_kind: str
    metric: str
    arch_ids: tuple[str, ...]
    values: Floats
    strata: tuple[str, ...]

    def __post_init__(self) -> None:
        self.values.flags.writeable = False

    def __len__(self) -> int:
        return len(self.arch_ids)

    @property
    def name(self) -> str:
        """Name for reports."""
        return f"{self.space}/{self.dataset}/{self.label_kind}/{self.metric}"

    @property
    def higher_is_better(self) -> bool:
        """Direction of the metric."""
        return METRICS[self.metric].higher_is_better

    @property
    def goodness(self) -> Floats:
        """`(n,)`, the values with the sign that makes higher better."""
        return self.values if self.higher_is_better else -self.values

    def restricted(self, arch_ids: Collection[str], stratum: str | None = None) -> "Block":
        """The block with some of its architectures only.

        Args:
            arch_ids: Architectures to keep; ids that are not in the block are ignored.
            stratum: Keep only this stratum.
        """
        wanted = frozenset(arch_ids)
        strata = frozenset(Stratum) if stratum is None else {stratum}
        kept = [row for row, arch_id in enumerate(self.arch_ids) if arch_id in wanted and self.strata[row] in strata]
        return Block(
            self.space,
            self.dataset,
            self.label_kind,
            self.metric,
            tuple(self.arch_ids[row] for row in kept),
            self.values[kept],
            tuple(self.strata[row] for row in kept),
        )

"""The columns of a benchmark table, what they may hold, and the direction of each metric.

A table is in long form: one row is one metric of one training of one architecture on one data set. A missing label is a
missing row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

SCHEMA_VERSION = 1
"""Raised when a column changes its meaning; a table of a later version is refused."""


class Stratum(StrEnum):
    """`free`: anywhere in the space. The iso strata: within 3 % of one budget of backbone parameters of the space.

    `iso` is the stratum at the budget itself, `iso-small` at half of it, `iso-large` at twice.
    """

    FREE = "free"
    ISO = "iso"
    ISO_SMALL = "iso-small"
    ISO_LARGE = "iso-large"


ISO_BUDGET_FACTORS: Mapping[Stratum, float] = {Stratum.ISO_SMALL: 0.5, Stratum.ISO: 1.0, Stratum.ISO_LARGE: 2.0}
"""The iso strata, and the size of their networks as a multiple of the budget of the space. Two strata are never pooled:
among architectures of one size only one of them counts."""


@dataclass(frozen=True, slots=True)
class Metric:
    """Quantity that a value of the table measures.

    Attributes:
        name: Name in the column `metric`.
        higher_is_better: Its direction, declared here and nowhere else.
        lowest: Smallest possible value.
        highest: Largest possible value.
        unit: Unit for reports.
    """

    name: str
    higher_is_better: bool
    lowest: float
    highest: float
    unit: str


METRICS: Mapping[str, Metric] = {
    "top1_pct": Metric("top1_pct", higher_is_better=True, lowest=0.0, highest=100.0, unit="%"),
    "nll": Metric("nll", higher_is_better=False, lowest=0.0, highest=float("inf"), unit="nat"),
}
"""top1_pct: share of the test images classified correctly. nll: mean negative log-likelihood of their labels."""

DEFAULT_METRIC = "top1_pct"

REQUIRED_COLUMNS = ("arch_json", "space", "dataset", "value")
"""What a user's table has to bring; everything else is derived or defaulted."""

TEXT_COLUMNS = ("arch_id", "space", "arch_json", "dataset", "label_kind", "metric", "stratum", "source")

COUNT_COLUMNS = ("train_seed", "epochs", "params_count", "macs_count", "schema_version")
"""Columns of whole numbers. `epochs` may be unknown (null); the others may not."""

COLUMNS = (
    "arch_id",
    "space",
    "arch_json",
    "dataset",
    "label_kind",
    "metric",
    "value",
    "train_seed",
    "epochs",
    "params_count",
    "macs_count",
    "stratum",
    "source",
    "schema_version",
)
"""The columns of a complete table, in the order of the file."""

OPTIONAL_COLUMNS = ("num_classes",)
"""What a user's table may add: the number of classes of a data set of which autoprox has no images."""

BLOCK_COLUMNS = ("space", "dataset", "label_kind", "metric")
"""What the rows of a block agree in."""

KEY_COLUMNS = ("space", "arch_id", "dataset", "label_kind", "metric", "train_seed")
"""No two rows agree in all of these; rows are sorted by them."""

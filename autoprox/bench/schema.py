"""The columns of a benchmark table, their values, and the direction of each metric.

A table is in long form: one row is one metric of one training of one architecture on one data set. A missing label has
no row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

SCHEMA_VERSION = 1
"""Incremented when the meaning of a column changes; tables of a later version are refused."""


class Stratum(StrEnum):
    """Stratum of an architecture: `free` (anywhere in the space), or an iso stratum.

    The architectures of an iso stratum are within 3 % of one number of backbone parameters: the budget of the space
    for `iso`, half of it for `iso-small`, and twice as many for `iso-large`.
    """

    FREE = "free"
    ISO = "iso"
    ISO_SMALL = "iso-small"
    ISO_LARGE = "iso-large"


ISO_BUDGET_FACTORS: Mapping[Stratum, float] = {Stratum.ISO_SMALL: 0.5, Stratum.ISO: 1.0, Stratum.ISO_LARGE: 2.0}
"""The iso strata, with the size of their networks as a multiple of the budget of the space.

Iso strata are never pooled, so that size cannot rank their architectures.
"""


@dataclass(frozen=True, slots=True)
class Metric:
    """Quantity that a value of the table measures.

    Attributes:
        name: Name in the column `metric`.
        higher_is_better: Direction of the metric; declared only here.
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
"""Required columns; all others are derived or have defaults."""

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
"""Optional columns. `num_classes`: number of classes of a data set without available images."""

BLOCK_COLUMNS = ("space", "dataset", "label_kind", "metric")
"""Columns with one value per block."""

KEY_COLUMNS = ("space", "arch_id", "dataset", "label_kind", "metric", "train_seed")
"""Columns that identify a row; rows are sorted by them."""

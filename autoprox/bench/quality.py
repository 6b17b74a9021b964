"""Quality of each block of a table: spread, agreement of seeds, ceiling, and the tau of counts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from autoprox.bench.ceiling import ceiling
from autoprox.bench.schema import BLOCK_COLUMNS, ISO_BUDGET_FACTORS, METRICS
from autoprox.metrics import kendall_tau_b
from autoprox.spaces import Space

DIGITS = 4
"""Decimals of the figures, which are for reading only; nothing is computed from them."""


def blocks_of(frame: pd.DataFrame, spaces: Mapping[str, Space]) -> list[dict[str, Any]]:
    """Describes every block of a table, in total and per iso stratum.

    Args:
        frame: The rows of a complete table.
        spaces: Its spaces by name.
    """
    blocks = []
    for key, rows in frame.groupby(list(BLOCK_COLUMNS), sort=True):
        described: dict[str, Any] = dict(zip(BLOCK_COLUMNS, key, strict=True))
        described["all"] = _describe(rows, spaces)
        for stratum in ISO_BUDGET_FACTORS:
            iso = rows[rows["stratum"] == stratum]
            if not iso.empty:
                described[stratum.value] = _describe(iso, spaces)
        blocks.append(described)
    return blocks


def _describe(rows: pd.DataFrame, spaces: Mapping[str, Space]) -> dict[str, Any]:
    """Spread, agreement of seeds, ceiling, and tau of each count for one block."""
    by_arch = rows.sort_values(["arch_id", "train_seed"]).groupby("arch_id", sort=True)
    values = by_arch["value"].mean()
    estimate = ceiling([group.to_list() for _, group in by_arch["value"]])
    quantiles = np.quantile(values.to_numpy(), [0.0, 0.25, 0.5, 0.75, 1.0])
    return {
        "n": len(values),
        "spread": dict(zip(("min", "q25", "median", "q75", "max"), (_rounded(q) for q in quantiles), strict=True)),
        "sd": _rounded(values.std()),
        "seeds": None if estimate is None else _rounded(estimate.seeds),
        "seed_tau": None if estimate is None else _rounded(estimate.seed_tau),
        "ceiling": None if estimate is None else _rounded(estimate.ceiling),
        "ceiling_ci95": None if estimate is None else [_rounded(bound) for bound in estimate.ceiling_ci95],
        "count_taus": _count_taus(rows, values, spaces),
    }


def _count_taus(rows: pd.DataFrame, values: "pd.Series[float]", spaces: Mapping[str, Space]) -> dict[str, float | None]:
    """Kendall tau-b of each count with goodness; None where undefined."""
    first = rows.drop_duplicates("arch_id").set_index("arch_id").loc[values.index]
    counts = {"params_count": first["params_count"].to_list(), "macs_count": first["macs_count"].to_list()}
    features = []
    for space_name, arch_json in zip(first["space"], first["arch_json"], strict=True):
        space = spaces[space_name]
        features.append(space.features(space.parse(arch_json)))
    counts |= {name: [feature[name] for feature in features] for name in features[0]}
    sign = 1.0 if METRICS[rows["metric"].iloc[0]].higher_is_better else -1.0
    taus = kendall_tau_b(np.array(list(counts.values()), dtype=np.float64), sign * values.to_numpy())
    return {name: _rounded(tau) for name, tau in zip(counts, taus, strict=True)}


def _rounded(value: float) -> float | None:
    return round(float(value), DIGITS) if np.isfinite(value) else None

"""Figures of a manifest for a block, against SciPy."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from autoprox.bench.quality import blocks_of
from autoprox.bench.table import Table
from autoprox.spaces import SPACES, space
from tests.bench.conftest import user_rows


@pytest.mark.parametrize(("metric", "sign"), [("top1_pct", 1), ("nll", -1)])
def test_block_is_described_as_scipy_would(metric: str, sign: int, write_table: Callable[..., Path]) -> None:
    rng = np.random.default_rng(11)
    rows = user_rows(archs=40, seeds=3).assign(metric=metric)
    rows["value"] = 50 + rng.normal(size=40).repeat(3) + 0.5 * rng.normal(size=120)
    rows["stratum"] = np.where(np.arange(120) // 3 % 2 == 0, "free", "iso")
    table = Table.read(write_table(rows))
    (block,) = blocks_of(table.frame, table.spaces)
    assert (block["space"], block["dataset"], block["metric"]) == ("autoformer-micro", "digits", metric)
    (judged,) = table.blocks(metric=metric)
    for part, wanted in (("all", {"free", "iso"}), ("iso", {"iso"})):
        keep = [i for i, stratum in enumerate(judged.strata) if stratum in wanted]
        values = judged.values[keep]
        ids = [judged.arch_ids[i] for i in keep]
        described = block[part]
        assert described["n"] == len(keep)
        assert described["spread"]["median"] == pytest.approx(np.median(values), abs=1e-4)
        assert described["sd"] == pytest.approx(np.std(values, ddof=1), abs=1e-3)
        seeds = table.frame.pivot_table(index="arch_id", columns="train_seed", values="value").loc[ids]
        pairs = [stats.kendalltau(seeds[a], seeds[b]).statistic for a, b in ((0, 1), (0, 2), (1, 2))]
        assert described["seed_tau"] == pytest.approx(np.mean(pairs), abs=1e-4)
        features = [space("autoformer-micro").features(table.archs[arch_id]) for arch_id in ids]
        for name in ("depth", "mean_width"):
            tau = stats.kendalltau([feature[name] for feature in features], sign * values).statistic
            assert described["count_taus"][name] == pytest.approx(tau, abs=1e-4)


def test_single_seeds_have_no_ceiling(write_table: Callable[..., Path]) -> None:
    (block,) = blocks_of(Table.read(write_table(user_rows())).frame, SPACES)
    assert block["all"]["seed_tau"] is None
    assert block["all"]["ceiling"] is None
    assert "iso" not in block

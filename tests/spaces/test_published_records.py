"""The published ground truth of ViT-Bench-101, where a copy of it lies beside the repository."""

from pathlib import Path

import pytest
import torch
from scipy.stats import kendalltau

from autoprox.spaces import space

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "published"


def records(file: str) -> list[dict]:
    path = FOLDER / file
    if not path.exists():
        pytest.skip(f"{path} is not here; the project commits no copy of it")
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize(("name", "file"), [("autoformer-ti", "gt_autoformer.pth"), ("pit-ti", "gt_pit_a.pth")])
def test_every_published_architecture_is_allowed(name, file):
    s = space(name)
    for record in records(file):
        assert s.why_not(record["arch"]) == []
        assert s.genes(s.arch(record["arch"])) == record["arch"]


def test_counts_rank_as_reported():
    s = space("autoformer-ti")
    rows = records("gt_autoformer.pth")
    archs = [s.arch(row["arch"]) for row in rows]
    params = [s.counts(arch, 100).params for arch in archs]
    sums = [s.features(arch)["sum_dim_depth"] for arch in archs]
    for label, by_params, by_sum in [("c100", 0.548, 0.640), ("flower", 0.700, 0.768), ("chaoyang", 0.315, 0.318)]:
        labels = [row[f"{label}_kd_acc"] for row in rows]
        assert kendalltau(params, labels).statistic == pytest.approx(by_params, abs=1e-3)
        assert kendalltau(sums, labels).statistic == pytest.approx(by_sum, abs=1e-3)

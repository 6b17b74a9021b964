"""Statistics of benchmarks/quality/mixers.py: intervals as SciPy's, pairs of two kinds as counted one by one."""

import importlib
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import stats


@pytest.fixture(scope="module")
def summary() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks" / "quality"))
        return importlib.import_module("mixers_summary")


def test_one_data_set_has_the_interval_of_a_paired_t_test(summary: ModuleType) -> None:
    differences = [0.3, -1.2, 2.5, 0.9]
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert summary.paired([differences, []]) == pytest.approx([np.mean(differences), *expected])


def test_intervals_of_several_data_sets_hold_the_mean_in_19_of_20_cases(summary: ModuleType) -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        _, low, high = summary.paired([rng.normal(centre, 2, 3) for centre in (-4, 0, 7)])
        held += low <= 1 <= high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_without_repetitions_there_is_a_mean_alone(summary: ModuleType) -> None:
    assert summary.paired([[1.0], [2.0]]) == [1.5]
    assert summary.paired([[], []]) is None


def test_pairs_of_two_kinds(summary: ModuleType) -> None:
    rng = np.random.default_rng(1)
    scores, labels = rng.permutation(30).astype(float), rng.permutation(30).astype(float)
    kinds = np.repeat(["attention", "mca", "mixed"], 10)
    found = summary.taus(scores, labels, kinds)
    signs = [
        1 if (scores[a] - scores[b]) * (labels[a] - labels[b]) > 0 else -1 for a, b in product(range(10), range(10, 20))
    ]
    assert found["pairs of two kinds"] == pytest.approx(np.mean(signs))
    assert found["mca"] == pytest.approx(stats.kendalltau(scores[10:20], labels[10:20]).statistic)
    scores[:10] = np.nan
    assert np.isnan(summary.taus(scores, labels, kinds)["attention"])
    assert np.isnan(summary.taus(scores, labels, kinds)["pairs of two kinds"])

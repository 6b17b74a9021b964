"""The noise ceiling against simulations with known truth."""

import numpy as np
import pytest
from scipy import stats

from autoprox.bench.ceiling import ceiling, ceiling_of

N = 1200


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("noise", [0.2, 0.5, 1.0])
def test_ceiling_is_the_tau_of_the_truth_with_the_mean(seeds: int, noise: float) -> None:
    rng = np.random.default_rng(seeds)
    truth = rng.normal(size=N)
    labels = truth[:, None] + noise * rng.normal(size=(N, seeds))
    estimate = ceiling(labels.tolist())
    assert estimate is not None
    real = stats.kendalltau(truth, labels.mean(axis=1)).statistic
    assert estimate.ceiling == pytest.approx(real, abs=0.025)
    low, high = estimate.ceiling_ci95
    assert low < estimate.ceiling < high
    single = np.mean([stats.kendalltau(labels[:, 0], labels[:, k]).statistic for k in range(1, seeds)])
    assert estimate.seed_tau == pytest.approx(single, abs=0.03)


def test_unequal_numbers_of_seeds() -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(size=N)
    counts = np.where(np.arange(N) % 2 == 0, 2, 4)
    labels = [truth[i] + 0.6 * rng.normal(size=count) for i, count in enumerate(counts)]
    estimate = ceiling([values.tolist() for values in labels])
    assert estimate is not None
    assert estimate.seeds == pytest.approx(1 / np.mean(1 / counts))
    real = stats.kendalltau(truth, [values.mean() for values in labels]).statistic
    assert estimate.ceiling == pytest.approx(real, abs=0.03)


def test_a_narrow_stratum_with_more_seeds_does_not_speak_for_the_whole() -> None:
    """Architectures of one size differ less, so that seeds agree less there; all seeds agree like the first two."""
    rng = np.random.default_rng(8)
    narrow = np.arange(N) % 2 == 0
    truth = np.where(narrow, 0.3, 1.4) * rng.normal(size=N)
    labels = truth[:, None] + 0.6 * rng.normal(size=(N, 8))
    ragged = [row[: 8 if few else 2] for row, few in zip(labels, narrow, strict=True)]
    estimate = ceiling([row.tolist() for row in ragged])
    assert estimate is not None
    assert estimate.seed_tau == pytest.approx(stats.kendalltau(labels[:, 0], labels[:, 1]).statistic)
    real = stats.kendalltau(truth, [row.mean() for row in ragged]).statistic
    assert estimate.ceiling == pytest.approx(real, abs=0.05)


def test_skewed_accuracies_are_within_a_few_hundredths() -> None:
    """Accuracies are dense at the top and noisier at the bottom, unlike in the normal model."""
    rng = np.random.default_rng(6)
    gap = rng.lognormal(2.0, 0.7, size=N)
    labels = 100 - gap[:, None] * np.exp(0.35 * rng.normal(size=(N, 3)))
    truth = 100 - gap
    estimate = ceiling(labels.tolist())
    assert estimate is not None
    real = stats.kendalltau(truth, labels.mean(axis=1)).statistic
    assert estimate.ceiling == pytest.approx(real, abs=0.03)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    noise, seeds, covered, repeats = 0.5, 2, 0, 60
    expected = 2 / np.pi * np.arcsin(1 / np.sqrt(1 + noise**2 / seeds))
    for _ in range(repeats):
        labels = rng.normal(size=(60, 1)) + noise * rng.normal(size=(60, seeds))
        estimate = ceiling(labels.tolist())
        assert estimate is not None
        covered += estimate.ceiling_ci95[0] <= expected <= estimate.ceiling_ci95[1]
    assert covered >= 0.85 * repeats


def test_limits() -> None:
    assert ceiling_of(1.0, 2) == pytest.approx(1.0)
    assert ceiling_of(0.0, 4) == ceiling_of(-0.3, 4) == 0.0
    assert ceiling_of(0.58, 4) == pytest.approx(0.84, abs=0.005)
    assert ceiling([[1.0], [2.0], [3.0], [4.0], [5.0]]) is None
    assert ceiling([[1.0, 1.0]] * 8) is None
    assert ceiling([[1.0, 2.0]] * 3) is None

"""The paired bootstrap against really resampled arrays."""

import numpy as np
import pytest
from scipy import stats

from autoprox.metrics import bootstrap_taus, interval95, kendall_tau_b, resample_counts


def naive(scores, target, counts):
    """Repeats every architecture as often as it was drawn and lets SciPy compute tau-b."""
    out = np.full((len(scores), len(counts)), np.nan)
    for p, row in enumerate(scores):
        for b, count in enumerate(counts):
            x, y = np.repeat(row, count), np.repeat(target, count)
            if np.unique(x).size > 1 and np.unique(y).size > 1:
                out[p, b] = stats.kendalltau(x, y).statistic
    return out


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [3, 12, 40])
def test_quadratic_forms_equal_tau_of_resampled_arrays(n, ties):
    rng = np.random.default_rng(n)
    draw = (lambda size: rng.integers(0, 4, size=size)) if ties else (lambda size: rng.normal(size=size))
    scores, target, counts = draw((4, n)), draw(n), resample_counts(n, 50, rng)
    np.testing.assert_allclose(bootstrap_taus(scores, target, counts), naive(scores, target, counts), atol=1e-14)


def test_counts_of_one_give_tau_itself():
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=(5, 30)), rng.normal(size=30)
    once = bootstrap_taus(scores, target, np.ones((1, 30)))
    np.testing.assert_allclose(once[:, 0], kendall_tau_b(scores, target), atol=1e-15)


def test_undefined_candidates_are_nan_and_spoil_no_other():
    rng = np.random.default_rng(1)
    scores, target, counts = rng.normal(size=(3, 20)), rng.normal(size=20), resample_counts(20, 30, rng)
    scores[0, 3], scores[1] = np.inf, 7.0
    taus = bootstrap_taus(scores, target, counts)
    assert np.isnan(taus[:2]).all()
    assert np.isfinite(taus[2]).all()
    assert np.isnan(bootstrap_taus(scores, np.where(target > 1, np.nan, target), counts)).all()


def test_counts_are_a_multinomial_draw_that_the_generator_fixes():
    counts = resample_counts(50, 4000, np.random.default_rng(5))
    assert (counts == resample_counts(50, 4000, np.random.default_rng(5))).all()
    assert (counts.sum(axis=1) == 50).all()
    assert (counts >= 0).all()
    assert abs((counts == 0).mean() - (1 - 1 / 50) ** 50) < 0.01


def test_interval_is_percentiles_of_what_is_defined():
    samples = np.random.default_rng(6).normal(size=(2, 3, 500))
    np.testing.assert_allclose(interval95(samples), np.moveaxis(np.percentile(samples, [2.5, 97.5], axis=-1), 0, -1))
    samples[0, 0, ::2] = np.nan
    np.testing.assert_allclose(interval95(samples)[0, 0], np.percentile(samples[0, 0, 1::2], [2.5, 97.5]))
    samples[1, 2] = np.nan
    assert np.isnan(interval95(samples)[1, 2]).all()


def test_interval_covers_the_true_tau():
    """Of 100 samples of 60 pairs with a known tau, about 95 % of the intervals must hold it."""
    rng = np.random.default_rng(7)
    correlation = 0.6
    true_tau = 2 / np.pi * np.arcsin(correlation)
    covered = 0
    for _ in range(100):
        x, noise = rng.normal(size=(2, 60))
        y = correlation * x + np.sqrt(1 - correlation**2) * noise
        low, high = interval95(bootstrap_taus(x[None], y, resample_counts(60, 200, rng)))[0]
        covered += low <= true_tau <= high
    assert 0.88 <= covered / 100 <= 0.99


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="one column per architecture"):
        bootstrap_taus([[1, 2, 3]], [1, 2, 3], [[1, 1]])

"""Rank correlations against SciPy, candidate by candidate."""

import numpy as np
import pytest
from scipy import stats

from autoprox.metrics import _correlation as correlation
from autoprox.metrics import kendall_tau_b, partial_tau, spearman


def populations():
    rng = np.random.default_rng(0)
    for n in (2, 3, 7, 8, 9, 64, 65):
        yield f"continuous-{n}", rng.normal(size=(40, n)), rng.normal(size=n)
        yield f"few-integers-{n}", rng.integers(0, 3, size=(40, n)), rng.integers(0, 3, size=n)
        yield f"ties-in-target-{n}", rng.normal(size=(40, n)), rng.integers(0, 2, size=n)
    yield "tiny-differences", 1e9 + rng.integers(0, 9, size=(20, 30)) * 1e-6, rng.normal(size=30)
    yield "huge", rng.normal(size=(20, 30)) * 1e307, rng.normal(size=30) * 1e-308
    yield "signed-zeros", rng.choice([0.0, -0.0, 1.0], size=(20, 30)), rng.choice([0.0, -0.0, 1.0], size=30)
    yield "float32", rng.normal(size=(20, 30)).astype(np.float32), rng.normal(size=30).astype(np.float32)


CASES = {name: (scores, target) for name, scores, target in populations()}


def by_scipy(scores, target, function):
    """One SciPy call a candidate; a constant row, which SciPy warns about for Spearman, is NaN by definition."""
    defined = [np.unique(row).size > 1 and np.unique(target).size > 1 for row in scores]
    return [function(row, target).statistic if good else np.nan for row, good in zip(scores, defined, strict=True)]


@pytest.mark.parametrize("name", CASES)
def test_kendall_equals_scipy(name):
    scores, target = CASES[name]
    np.testing.assert_allclose(kendall_tau_b(scores, target), by_scipy(scores, target, stats.kendalltau), atol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_spearman_equals_scipy(name):
    scores, target = CASES[name]
    np.testing.assert_allclose(spearman(scores, target), by_scipy(scores, target, stats.spearmanr), atol=1e-13)


@pytest.mark.parametrize(
    "n", [correlation.PAIRWISE_UP_TO - 1, correlation.PAIRWISE_UP_TO, correlation.PAIRWISE_UP_TO + 1]
)
def test_kendall_is_the_same_on_both_sides_of_the_crossover(n):
    rng = np.random.default_rng(n)
    scores, target = rng.integers(0, 50, size=(3, n)), rng.integers(0, 50, size=n)
    np.testing.assert_allclose(kendall_tau_b(scores, target), by_scipy(scores, target, stats.kendalltau), atol=1e-13)


@pytest.mark.parametrize("correlate", [kendall_tau_b, spearman])
@pytest.mark.parametrize("n", [10, correlation.PAIRWISE_UP_TO + 10])
def test_undefined_is_nan_and_spoils_no_other_candidate(correlate, n):
    rng = np.random.default_rng(1)
    good, target = rng.normal(size=n), rng.normal(size=n)
    scores = np.stack(
        [good, np.full(n, 3.0), np.where(np.arange(n) == 4, np.nan, good), np.where(good > 0, np.inf, good)]
    )
    values = correlate(scores, target)
    assert values[0] == correlate(good[None], target)[0]
    assert np.isnan(values[1:]).all()
    assert np.isnan(correlate(scores, np.full(n, 1.0))).all()
    assert np.isnan(correlate(scores, np.where(np.arange(n) == 0, np.nan, target))).all()


@pytest.mark.parametrize("correlate", [kendall_tau_b, spearman])
def test_fewer_than_two_architectures_are_undefined(correlate):
    assert np.isnan(correlate([[1.0]], [2.0])).all()
    assert np.isnan(correlate(np.empty((3, 0)), [])).all()
    assert correlate(np.empty((0, 5)), np.arange(5.0)).shape == (0,)


@pytest.mark.parametrize("correlate", [kendall_tau_b, spearman])
@pytest.mark.parametrize(("scores", "target"), [([1, 2], [1, 2]), ([[1, 2, 3]], [1, 2]), ([[1, 2]], [[[1, 2]]])])
def test_shapes_are_checked(correlate, scores, target):
    with pytest.raises(ValueError, match="Expected scores of shape"):
        correlate(scores, target)


@pytest.mark.parametrize("n", [20, correlation.PAIRWISE_UP_TO + 20])
def test_several_targets_at_once(n):
    rng = np.random.default_rng(5)
    scores, targets = rng.integers(0, 9, size=(6, n)) * 1.0, rng.integers(0, 9, size=(4, n)) * 1.0
    targets[2, 3] = np.nan
    targets[3] = 1.0
    scores[4, 0] = np.inf
    together = kendall_tau_b(scores, targets)
    assert together.shape == (6, 4)
    for column, target in enumerate(targets):
        np.testing.assert_array_equal(together[:, column], kendall_tau_b(scores, target))
    assert np.isfinite(np.delete(together, 4, axis=0)[:, :2]).all()


@pytest.mark.parametrize("n", [300, 1000, 40_000])
@pytest.mark.parametrize("values", [3, 200, 10**9])
def test_kendall_of_many_architectures_equals_scipy(n, values):
    """Chunks of different widths, ranks of 16 and of 32 bits, ties everywhere or nowhere."""
    rng = np.random.default_rng(n)
    scores, target = rng.integers(0, values, size=(2, n)), rng.integers(0, values, size=n)
    scores[1] += target
    np.testing.assert_allclose(kendall_tau_b(scores, target), by_scipy(scores, target, stats.kendalltau), atol=1e-13)


def test_the_number_of_candidates_does_not_change_a_value():
    rng = np.random.default_rng(2)
    scores, target = rng.normal(size=(300, 200)), rng.normal(size=200)
    together = kendall_tau_b(scores, target)
    alone = np.concatenate([kendall_tau_b(row[None], target) for row in scores])
    assert (together == alone).all()


def test_partial_tau_of_a_common_cause_is_near_zero():
    """x and y each follow z with noise of their own; for such normal variables partial tau is nearly 0."""
    rng = np.random.default_rng(3)
    z = rng.normal(size=4000)
    x, y = z + rng.normal(size=(2, 4000))
    tau_xy, tau_xz = kendall_tau_b([y, z], x)
    tau_yz = kendall_tau_b([z], y)[0]
    assert tau_xy > 0.3
    assert abs(partial_tau(tau_xy, tau_xz, tau_yz)) < 0.15


def test_partial_tau_equals_the_phi_coefficient_of_pairs():
    """Kendall's own derivation: the phi coefficient of agreeing with z, for x and for y, over all pairs."""
    rng = np.random.default_rng(4)
    z = np.arange(40.0)
    x, y = z + rng.normal(size=(2, 40)) * 15
    i, j = np.triu_indices(40, 1)
    agrees_x, agrees_y = x[i] < x[j], y[i] < y[j]
    phi = np.corrcoef(agrees_x, agrees_y)[0, 1]
    tau_xy, tau_xz = kendall_tau_b([y, z], x)
    assert partial_tau(tau_xy, tau_xz, kendall_tau_b([z], y)[0]) == pytest.approx(phi)


def test_partial_tau_is_undefined_where_the_control_ranks_alike():
    assert np.isnan(partial_tau(0.5, [1.0, -1.0, 1 - 2e-16, 0.2, np.nan], [0.5, 0.5, 0.5, -1.0, 0.2])).all()

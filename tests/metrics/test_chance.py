"""The chance level against simulation and enumeration."""

import itertools

import numpy as np
import pytest

from autoprox.metrics import _chance as chance
from autoprox.metrics import chance_of_best, kendall_tau_b


def test_distribution_of_inversions_by_enumeration():
    pairs = list(itertools.combinations(range(5), 2))
    counts = np.bincount([sum(p[i] > p[j] for i, j in pairs) for p in itertools.permutations(range(5))])
    np.testing.assert_allclose(chance._inversions(5), counts / 120, atol=1e-15)


@pytest.mark.parametrize(("n", "candidates"), [(6, 1), (6, 20), (30, 100), (60, 1000)])
def test_expected_best_by_simulation(n, candidates):
    rng = np.random.default_rng(n)
    best = [np.abs(kendall_tau_b(rng.normal(size=(candidates, n)), np.arange(n))).max() for _ in range(60)]
    deviation = np.std(best) / np.sqrt(len(best))
    assert abs(np.mean(best) - chance_of_best(n, candidates)) < 4 * deviation


def test_the_figures_known_from_simulation():
    assert chance_of_best(60, 1000) == pytest.approx(0.30, abs=0.005)
    assert chance_of_best(100, 1000) == pytest.approx(0.23, abs=0.005)


def test_exact_and_normal_meet():
    edge = chance._EXACT_UP_TO
    for candidates in (1, 1000, 20_000):
        assert chance_of_best(edge + 1, candidates) == pytest.approx(chance_of_best(edge, candidates), rel=0.01)


def test_more_candidates_reach_more_and_more_architectures_less():
    assert chance_of_best(40, 10) < chance_of_best(40, 100) < chance_of_best(40, 10**6) < 1
    assert chance_of_best(500, 1000) < chance_of_best(100, 1000) < chance_of_best(12, 1000)
    assert chance_of_best(2, 1) == 1.0


@pytest.mark.parametrize(("n", "candidates"), [(1, 10), (10, 0)])
def test_too_few_are_refused(n, candidates):
    with pytest.raises(ValueError, match="n >= 2"):
        chance_of_best(n, candidates)

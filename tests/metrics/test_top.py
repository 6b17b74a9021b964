"""tau-a, nDCG and regret against their definitions and against scikit-learn."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from autoprox.metrics import kendall_tau_a, kendall_tau_b, ndcg, top_regret

TIED = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 50)), min_size=2, max_size=30)


@given(pairs=TIED)
def test_tau_a_counts_pairs(pairs):
    scores, labels = np.array(pairs, dtype=float).T
    if len(set(scores)) < 2 or len(set(labels)) < 2:
        assert np.isnan(kendall_tau_a([scores], labels)).all()
        return
    signs = [
        np.sign(scores[i] - scores[j]) * np.sign(labels[i] - labels[j])
        for i, j in itertools.combinations(range(len(pairs)), 2)
    ]
    assert kendall_tau_a([scores], labels)[0] == pytest.approx(np.mean(signs), abs=1e-12)


def test_tau_a_is_tau_b_without_ties():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(3, 40)), rng.normal(size=40)
    np.testing.assert_allclose(kendall_tau_a(scores, labels), kendall_tau_b(scores, labels))


@given(pairs=TIED, places=st.integers(1, 12))
def test_ndcg_is_scikit_learns(pairs, places):
    scores, labels = np.array(pairs, dtype=float).T
    found = ndcg([scores], labels, places)[0]
    if labels.min() == labels.max():
        assert np.isnan(found)
        return
    gains = (labels - labels.min()) / np.ptp(labels)
    assert found == pytest.approx(ndcg_score([gains], [scores], k=places), abs=1e-12)


@given(pairs=TIED)
def test_regret_is_the_mean_over_those_that_are_first(pairs):
    scores, labels = np.array(pairs, dtype=float).T
    first = [label for score, label in zip(scores, labels, strict=True) if score == max(scores)]
    assert top_regret([scores], labels)[0] == pytest.approx(max(labels) - sum(first) / len(first))


def test_what_is_not_finite_is_undefined():
    assert np.isnan(ndcg([[1, np.nan]], [1, 2])).all()
    assert np.isnan(top_regret([[1, np.inf]], [1, 2])).all()

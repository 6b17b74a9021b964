"""Fingerprints of rankings against the comparison of all pairs of networks, for all pairs of score vectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoprox.graph import rank_fingerprints
from autoprox.metrics import kendall_tau_b


def orders(row):
    return np.sign(row[:, None] - row[None, :])


def naive_alike(first, second, sign_free):
    """True if two vectors, given by block, rank alike, or all in reverse."""
    same = all(np.array_equal(orders(a), orders(b)) for a, b in zip(first, second, strict=True))
    turned = all(np.array_equal(orders(a), -orders(b)) for a, b in zip(first, second, strict=True))
    return same or (sign_free and turned)


@settings(max_examples=80)
@given(seed=st.integers(0, 2**32), sign_free=st.booleans())
def test_equal_where_all_pairs_of_networks_are_ordered_alike(seed, sign_free):
    rng = np.random.default_rng(seed)
    blocks = [rng.integers(0, 3, size=(12, n)) * 1.0 for n in rng.integers(0, 5, size=rng.integers(1, 4))]
    # Some rankings once more, in other numbers: of the same order, or reversed in all blocks or in one.
    extra = [np.concatenate([each, 3.5 * each[:4] - 1, -each[4:8], each[8:] ** 3]) for each in blocks]
    extra[0][-1] *= -1
    found = rank_fingerprints(extra if len(extra) > 1 or seed % 2 else extra[0], sign_free=sign_free)
    for i in range(len(found)):
        for j in range(i):
            alike = naive_alike([each[i] for each in extra], [each[j] for each in extra], sign_free)
            assert (found[i] == found[j]) == alike


def test_equal_fingerprints_have_equal_correlations():
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 4, size=(400, 5)).astype(float), rng.normal(size=5)
    taus, found = kendall_tau_b(scores, labels), rank_fingerprints(scores)
    groups = {each: {abs(taus[row]) for row in range(400) if found[row] == each} for each in set(found)}
    assert len(groups) < 400
    assert all(len(each) == 1 or all(np.isnan(tau) for tau in each) for each in groups.values())


def test_does_not_depend_on_company():
    scores = np.random.default_rng(1).normal(size=(5, 9))
    assert rank_fingerprints(scores) == [rank_fingerprints(row[None])[0] for row in scores]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_has_none(bad):
    found = rank_fingerprints([np.array([[1.0, 2.0], [1.0, bad]]), np.array([[1.0], [2.0]])])
    assert found[0] is not None
    assert found[1] is None


def test_many_networks():
    """More than 16 bits can number."""
    row = np.arange(40_000.0)
    swapped = row.copy()
    swapped[[39_998, 39_999]] = swapped[[39_999, 39_998]]
    first, second, third = rank_fingerprints(np.stack([row, swapped, -row]))
    assert first == third != second


def test_blocks_have_the_same_candidates():
    with pytest.raises(ValueError, match="one row per candidate"):
        rank_fingerprints([np.ones((2, 3)), np.ones((1, 3))])
    with pytest.raises(ValueError, match="one row per candidate"):
        rank_fingerprints([])

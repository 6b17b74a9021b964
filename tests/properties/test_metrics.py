"""Laws that hold for the metrics whatever the values."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

from autoprox.metrics import bootstrap_taus, joint, kendall_tau_b, spearman
from autoprox.metrics._discordance import discordant_pairs

# Few distinct values so that ties are the rule, and any floats so that they are not all.
VALUES = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3)),
)


@st.composite
def score_sets(draw):
    """Scores `(P, n)` and a target `(n,)`."""
    n = draw(st.integers(2, 14))
    candidates = draw(st.integers(1, 4))
    scores = draw(npst.arrays(np.float64, (candidates, n), elements=VALUES))
    return scores, draw(npst.arrays(np.float64, n, elements=VALUES))


@given(score_sets())
def test_kendall_is_scipys(data):
    scores, target = data
    expected = [stats.kendalltau(row, target).statistic for row in scores]
    np.testing.assert_allclose(kendall_tau_b(scores, target), expected, atol=1e-14)


@st.composite
def rank_sets(draw):
    """Ranks `(P, n)` and ranks of a target `(n,)`, of any length from 2 on."""
    n = draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    highest = draw(st.integers(1, n))
    return rng.integers(0, highest, size=(3, n)).astype(np.int16), rng.integers(0, highest, size=n)


@given(rank_sets())
def test_discordant_pairs_are_those_of_a_loop(data):
    ranks, target = data
    pairs = list(combinations(range(len(target)), 2))
    discordant, tied = discordant_pairs(ranks, target)
    for row, got, both in zip(ranks.astype(int), discordant, tied, strict=True):
        assert got == sum((row[i] - row[j]) * (target[i] - target[j]) < 0 for i, j in pairs)
        assert both == sum(row[i] == row[j] and target[i] == target[j] for i, j in pairs)


@given(score_sets(), st.sampled_from([np.cbrt, lambda x: 3 * x - 7, lambda x: x**3, np.arctan]))
def test_a_strictly_monotone_map_changes_nothing(data, monotone):
    scores, target = data
    mapped = monotone(scores)
    for row, image in zip(scores, mapped, strict=True):
        if np.unique(row).size != np.unique(image).size:
            return  # rounding joined two values, so the map was not strictly monotone on these
    for correlate in (kendall_tau_b, spearman):
        np.testing.assert_array_equal(correlate(mapped, target), correlate(scores, target))


@given(score_sets())
def test_negation_turns_the_sign(data):
    scores, target = data
    for correlate in (kendall_tau_b, spearman):
        np.testing.assert_array_equal(correlate(-scores, target), -correlate(scores, target))
        np.testing.assert_array_equal(correlate(scores, -target), -correlate(scores, target))


@given(score_sets(), st.randoms(use_true_random=False))
def test_the_order_of_architectures_does_not_matter(data, random):
    scores, target = data
    order = list(range(len(target)))
    random.shuffle(order)
    np.testing.assert_array_equal(kendall_tau_b(scores[:, order], target[order]), kendall_tau_b(scores, target))
    np.testing.assert_allclose(spearman(scores[:, order], target[order]), spearman(scores, target), atol=1e-13)


@given(score_sets())
def test_bounded_and_one_with_itself(data):
    scores, target = data
    for correlate in (kendall_tau_b, spearman):
        values = correlate(scores, target)
        assert (np.abs(values[~np.isnan(values)]) <= 1 + 1e-12).all()
        itself = correlate(target[None], target)[0]
        assert np.isnan(itself) == (np.unique(target).size == 1)
        assert np.isnan(itself) or abs(itself - 1) < 1e-12


@given(score_sets())
def test_score_and_target_may_change_places(data):
    scores, target = data
    for row in scores:
        np.testing.assert_array_equal(kendall_tau_b(row[None], target), kendall_tau_b(target[None], row))


@given(score_sets(), st.data())
def test_bootstrap_counts_are_repetitions(data, more):
    scores, target = data
    counts = more.draw(npst.arrays(np.int64, len(target), elements=st.integers(0, 3)))
    taus = bootstrap_taus(scores, target, counts[None])[:, 0]
    repeated = kendall_tau_b(np.repeat(scores, counts, axis=1), np.repeat(target, counts))
    np.testing.assert_allclose(taus, repeated, atol=1e-14)


@given(npst.arrays(np.float64, (3, 4), elements=st.floats(-1, 1)), st.permutations(range(4)))
def test_joint_lies_within_its_blocks_and_ignores_their_order(taus, order):
    spaces = ["a", "b", "a", "c"]
    values = joint(taus, spaces)
    assert (values >= taus.min(axis=1) - 1e-15).all()
    assert (values <= taus.max(axis=1) + 1e-15).all()
    np.testing.assert_allclose(joint(taus[:, order], [spaces[i] for i in order]), values, atol=1e-15)
    np.testing.assert_array_equal(joint(taus, spaces, "min"), -np.max(-taus, axis=1))

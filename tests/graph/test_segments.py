"""Flat arrays with offsets against a loop over architectures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from autoprox.graph.segments import Layout, Segments
from autoprox.inspect.nodes import Role

VALUES = st.floats(-1e6, 1e6).map(lambda x: round(x, 2))
ARCHITECTURES = st.lists(st.lists(VALUES, max_size=6), min_size=1, max_size=6)

LOOPS = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "std": np.std,
    "first": lambda x: x[0],
    "last": lambda x: x[-1],
}


@pytest.mark.parametrize("name", LOOPS)
@given(architectures=ARCHITECTURES)
def test_reductions(name, architectures):
    segments = Segments.of_lengths(np.array([len(each) for each in architectures]))
    flat = np.array([x for each in architectures for x in each], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        found = getattr(segments, name)(flat)
    expected = [LOOPS[name](np.array(each)) if each else np.nan for each in architectures]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-6)


@given(architectures=ARCHITECTURES)
def test_rank(architectures):
    segments = Segments.of_lengths(np.array([len(each) for each in architectures]))
    flat = np.array([x for each in architectures for x in each], dtype=np.float64)
    expected = [r / len(each) for each in architectures if each for r in stats.rankdata(each)]
    np.testing.assert_allclose(segments.rank(flat), expected)


def test_rank_of_a_broken_architecture_is_undefined_there_only():
    segments = Segments.of_lengths(np.array([2, 2]))
    np.testing.assert_array_equal(segments.rank(np.array([1.0, np.nan, 5.0, 4.0])), [np.nan, np.nan, 1.0, 0.5])


@given(
    roles=st.lists(st.lists(st.sampled_from(list(Role)), max_size=6), min_size=1, max_size=5),
    held=st.sets(st.sampled_from(list(Role)), min_size=1),
    kept=st.sets(st.sampled_from(list(Role)), min_size=1),
)
def test_roles(roles, held, kept):
    layout = Layout([tuple(each) for each in roles])
    held, kept = frozenset(held), frozenset(kept & held) or frozenset(held)
    numbered = [(place, role) for place, role in enumerate(role for each in roles for role in each)]
    values = np.array([place for place, role in numbered if role in held], dtype=np.float64)
    expected = [place for place, role in numbered if role in kept]
    np.testing.assert_array_equal(layout.restrict(values, held, kept), expected)
    segments = layout.segments(kept)
    np.testing.assert_array_equal(segments.lengths, [sum(role in kept for role in each) for each in roles])
    positions = [(i + 1) / len(each) for each in roles for i, role in enumerate(each) if role in kept]
    np.testing.assert_allclose(segments.position, positions)

"""Flat arrays with offsets against a loop over architectures."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from autoprox.graph import PRIMITIVES, Level
from autoprox.graph._segments import Segments, SiteNodes
from autoprox.graph.export._runtime import OneNetwork
from autoprox.graph.operations import FLOAT64_EPS
from autoprox.inspect.nodes import Node, Role, Site

VALUES = st.floats(-1e6, 1e6).map(lambda x: round(x, 2))
ARCHITECTURES = st.lists(st.lists(VALUES, max_size=6), min_size=1, max_size=6)

LOOPS = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
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


NODE_OPERATIONS = [each for each in PRIMITIVES[Level.NODE].values() if each.segmental]


@pytest.mark.parametrize("primitive", NODE_OPERATIONS, ids=lambda each: each.name)
@given(values=st.lists(VALUES | st.just(np.nan), max_size=6), depth=st.integers(0, 3))
def test_one_network_in_torch_is_one_segment_in_numpy(primitive, values, depth):
    position = (np.arange(len(values)) + 1.0 + depth) / (len(values) + depth + 1)
    flat = np.array(values, dtype=np.float64)
    segments = Segments(np.array([len(values)]), position)
    with np.errstate(invalid="ignore"):
        many = primitive.function(flat, segments, np, FLOAT64_EPS)
    roles = [Role.EMBED] * depth + [Role.MLP] * len(values) + [Role.HEAD]
    nodes = [Node(str(place), torch.nn.Linear(1, 1), Site.LINEAR, role) for place, role in enumerate(roles)]
    one = primitive.function(torch.from_numpy(flat), OneNetwork(nodes, frozenset({Role.MLP})), torch, FLOAT64_EPS)
    np.testing.assert_allclose(np.atleast_1d(one.numpy()), many, rtol=1e-9, atol=1e-12)


def test_rank_of_a_broken_architecture_is_undefined_there_only():
    segments = Segments.of_lengths(np.array([2, 2]))
    np.testing.assert_array_equal(segments.rank(np.array([1.0, np.nan, 5.0, 4.0])), [np.nan, np.nan, 1.0, 0.5])


@given(
    roles=st.lists(st.lists(st.sampled_from(list(Role)), max_size=6), min_size=1, max_size=5),
    held=st.sets(st.sampled_from(list(Role)), min_size=1),
    kept=st.sets(st.sampled_from(list(Role)), min_size=1),
)
def test_roles(roles, held, kept):
    layout = SiteNodes([tuple(each) for each in roles])
    held, kept = frozenset(held), frozenset(kept & held) or frozenset(held)
    numbered = [(place, role) for place, role in enumerate(role for each in roles for role in each)]
    values = np.array([place for place, role in numbered if role in held], dtype=np.float64)
    expected = [place for place, role in numbered if role in kept]
    np.testing.assert_array_equal(layout.restrict(values, held, kept), expected)
    segments = layout.segments(kept)
    np.testing.assert_array_equal(segments.lengths, [sum(role in kept for role in each) for each in roles])
    positions = [(i + 1) / len(each) for each in roles for i, role in enumerate(each) if role in kept]
    np.testing.assert_allclose(segments.position, positions)

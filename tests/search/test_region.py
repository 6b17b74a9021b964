"""Constraints, against listing everything; and the message of an empty set."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from autoprox.base.errors import SpecError
from autoprox.search import Constraints, Region
from tests.search.worlds import ALL, TASK, TINY, probability

SIZES = {arch: TINY.counts(arch, TASK.num_classes, TASK.img_size, TASK.in_chans) for arch in ALL}
PARAMS = sorted({each.params for each in SIZES.values()})
MACS = sorted({each.macs for each in SIZES.values()})


def allowed(bounds):
    """The reference: every architecture, filtered."""
    return [
        arch
        for arch, size in SIZES.items()
        if all(
            value <= getattr(size, name[4:]) if name.startswith("min") else getattr(size, name[4:]) <= value
            for name, value in bounds.to_document().items()
        )
    ]


@st.composite
def bands(draw):
    """Bounds of one or both counts, narrow and wide, at values that occur and values that do not."""
    low = draw(st.integers(1, PARAMS[-1]))
    high = draw(st.integers(low, PARAMS[-1] + 100))
    macs = draw(st.none() | st.sampled_from(MACS))
    return Constraints(min_params=low, max_params=high, max_macs=macs)


@given(bands(), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_a_region_is_what_filtering_everything_leaves(bounds, seed):
    expected = allowed(bounds)
    if not expected:
        with pytest.raises(SpecError, match="allow"):
            Region(TINY, TASK, bounds)
        return
    region, rng = Region(TINY, TASK, bounds), np.random.default_rng(seed)
    found = list(region)
    assert len(found) == len(set(found)) == region.size == len(expected)
    assert set(found) == set(expected)
    assert region.total == len(ALL)
    top = region.costs(region.largest())
    assert (top["params"], top["macs"]) == max((SIZES[arch].params, SIZES[arch].macs) for arch in expected)
    arch = region.draw(rng)
    for _ in range(10):
        assert arch in SIZES
        assert region.allows(arch)
        arch = region.mutate(arch, rng)


def test_draws_are_those_of_the_space_given_that_they_are_allowed():
    bounds = Constraints(min_params=600, max_params=1500)
    expected, rng = allowed(bounds), np.random.default_rng(0)
    region = Region(TINY, TASK, bounds)
    draws = Counter(region.draw(rng) for _ in range(4000))
    weights = np.array([probability(arch) for arch in expected])
    # Neighbouring architectures are pooled, so that each bin is expected often enough for the test.
    bins = np.arange(len(expected)) * 12 // len(expected)
    observed = np.bincount(bins, [draws[arch] for arch in expected])
    wanted = np.bincount(bins, weights / weights.sum() * 4000)
    assert stats.chisquare(observed, wanted).pvalue > 1e-3


def test_without_constraints_a_mutation_is_that_of_the_space():
    region, rng = Region(TINY, TASK, Constraints()), np.random.default_rng(0)
    for seed in range(50):
        arch = region.draw(rng)
        child = TINY.mutate(arch, np.random.default_rng(seed))
        assert region.mutate(arch, np.random.default_rng(seed)) == child


def test_a_mutation_keeps_what_the_constraints_let_it_keep():
    """An allowed mutant is returned unchanged; otherwise the result is closer than a new draw would be."""
    bounds = Constraints(min_params=1200, max_params=1700)
    region, rng = Region(TINY, TASK, bounds), np.random.default_rng(0)
    changed = 0
    for seed in range(200):
        arch = region.draw(rng)
        child = TINY.mutate(arch, np.random.default_rng(seed))
        found = region.mutate(arch, np.random.default_rng(seed))
        assert region.allows(found)
        if region.allows(child):
            assert found == child
        changed += found != arch
    assert changed > 100


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Constraints(max_params=10), ["max_params 10 ", f"{PARAMS[0]:,}", f"{PARAMS[-1]:,}"]),
        (Constraints(min_params=10**9), ["min_params", f"{PARAMS[-1]:,}"]),
        (Constraints(max_macs=5), ["max_macs 5 ", f"{MACS[0]:,}"]),
        (Constraints(max_params=10, max_macs=10**9), ["max_params 10 allows"]),
        (
            Constraints(min_params=PARAMS[3] + 1, max_params=PARAMS[4] - 1),
            [f"at most {PARAMS[3]:,}", f"at least {PARAMS[4]:,}"],
        ),
        (Constraints(min_params=PARAMS[-1], max_macs=MACS[0]), [f"at least {MACS[-1]:,}", f"at most {PARAMS[0]:,}"]),
    ],
)
def test_what_excludes_everything_is_named(bounds, words):
    with pytest.raises(SpecError) as caught:
        Region(TINY, TASK, bounds)
    for word in words:
        assert word in str(caught.value)

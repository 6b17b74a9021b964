"""Bands of one size against SciPy, third by third."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from autoprox.report._bands import FEWEST, band_taus, joined_bands, thirds


@pytest.mark.parametrize("count", [15, 16, 17, 40])
def test_taus_are_those_of_scipy_within_the_quantiles_of_size(count):
    rng = np.random.default_rng(count)
    params = rng.permutation(count) * 1000
    labels = rng.integers(6, size=count).astype(float)  # ties
    scores = rng.normal(size=(3, count)) + 0.001 * params
    found = band_taus(scores, labels, params)
    by_size = sorted(range(count), key=lambda index: params[index])
    cuts = [0, -(-count // 3), count - count // 3, count]  # the first thirds are the larger ones
    for band in range(3):
        own = by_size[cuts[band] : cuts[band + 1]]
        expected = [stats.kendalltau(row[own], labels[own]).statistic for row in scores]
        np.testing.assert_allclose(found[:, band], expected)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 5), max_size=30))
def test_thirds_part_the_architectures_by_size(params):
    parts = thirds(params)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(params)))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    values = np.asarray(params)
    for smaller, larger in pairwise(parts):
        if len(smaller) and len(larger):
            assert values[smaller].max() <= values[larger].min()


def test_what_says_nothing_is_undefined():
    count = 3 * FEWEST - 1  # the last third is too small
    found = band_taus([np.arange(count), np.ones(count)], np.arange(count), np.arange(count))
    assert found[0, :2].tolist() == [1, 1]
    assert np.isnan(found[0, 2])
    assert np.isnan(found[1]).all()


def test_blocks_are_cut_each_for_itself_and_joined():
    rng = np.random.default_rng(0)
    blocks = [(rng.normal(size=(2, n)), rng.normal(size=n), rng.permutation(n)) for n in (20, 30)]
    found = joined_bands(blocks, lambda taus: taus.mean(axis=-1))
    np.testing.assert_allclose(found, np.mean([band_taus(*block) for block in blocks], axis=0))

"""Reductions by singular values against closed forms and NumPy, and the rule by which a tensor becomes a matrix."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from autoprox.graph import PRIMITIVES, Complexity, Form, Level, evaluate_leaves, find_primitive, parse
from autoprox.graph._moments import Moments
from tests.graph.interpreter import OF_MATRICES, interpret
from tests.graph.networks import collections, plain_networks


def value(name, tensor, **options):
    return float(find_primitive(name, Level.TENSOR).function(Moments(torch.as_tensor(tensor), **options)))


def with_singular_values(*values, rows=9, seed=0):
    """A matrix that has these singular values."""
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.normal(size=(rows, len(values))))
    right, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    return left @ np.diag(values) @ right


@pytest.mark.parametrize("turned", [False, True])
def test_of_known_singular_values(turned):
    matrix = with_singular_values(4.0, 2.0, 1.0, 0.5)
    matrix = matrix.T.copy() if turned else matrix
    assert value("nuclear", matrix) == pytest.approx(7.5)
    assert value("spectral", matrix) == pytest.approx(4)
    assert value("stable_rank", matrix) == pytest.approx((16 + 4 + 1 + 0.25) / 16)
    assert value("condition", matrix) == pytest.approx(8)
    shares = np.array([4, 2, 1, 0.5]) / 7.5
    assert value("effective_rank", matrix) == pytest.approx(math.exp(-np.sum(shares * np.log(shares))))
    assert value("logdet", matrix) == pytest.approx(2 * math.log(4 * 2 * 1 * 0.5), rel=1e-4)


def test_of_alike_directions_and_of_one():
    assert value("effective_rank", with_singular_values(3.0, 3.0, 3.0)) == pytest.approx(3)
    assert value("stable_rank", with_singular_values(3.0, 3.0, 3.0)) == pytest.approx(3)
    ones = torch.ones(6, 4)
    assert value("effective_rank", ones) == pytest.approx(1)
    assert value("nuclear", ones) == pytest.approx(math.sqrt(24))
    assert value("condition", ones) == 1e6


def test_of_a_zero_matrix_and_of_what_is_not_finite():
    zeros = torch.zeros(3, 5)
    found = {name: value(name, zeros) for name in OF_MATRICES}
    assert found == pytest.approx(
        {
            "nuclear": 0,
            "spectral": 0,
            "effective_rank": 0,
            "stable_rank": 0,
            "condition": 1e6,
            "logdet": 3 * math.log(1e-18),
        }
    )
    for broken in (math.nan, math.inf):
        assert all(math.isnan(value(name, torch.tensor([[1.0, broken], [0.0, 1.0]]))) for name in OF_MATRICES)


def test_channels_are_one_side():
    rng = np.random.default_rng(1)
    kernel, tokens, row = rng.normal(size=(6, 3, 2, 2)), rng.normal(size=(2, 5, 7)), rng.normal(size=4)
    assert value("nuclear", kernel, channels_first=True) == pytest.approx(np.linalg.norm(kernel.reshape(6, 12), "nuc"))
    assert value("nuclear", tokens) == pytest.approx(np.linalg.norm(tokens.reshape(10, 7), "nuc"))
    for first in (True, False):
        assert value("nuclear", row, channels_first=first) == pytest.approx(np.linalg.norm(row))


@pytest.mark.parametrize("statistic", ["weight", "output_grad", "attention", "activation"])
def test_of_real_networks(statistic):
    """The graph knows which side the channels of a statistic are; weights include convolutions."""
    leaves = [parse(f"{name}({statistic})") for name in sorted(OF_MATRICES)]
    for collection, plain in zip(collections()[:2], plain_networks()[:2], strict=True):
        found = evaluate_leaves(collection, leaves)
        for leaf in leaves:
            expected = [each for _, each in interpret(leaf, plain)]
            np.testing.assert_allclose(found[leaf.digest], expected, rtol=1e-9, atol=1e-12, err_msg=str(leaf))


def test_moments_of_samples():
    x = np.random.default_rng(2).gamma(2.0, size=(30, 20))
    assert value("skewness", x) == pytest.approx(stats.skew(x, axis=None))
    assert value("kurtosis", x) == pytest.approx(stats.kurtosis(x, axis=None, fisher=False))
    assert value("entropy", -x) == pytest.approx(stats.entropy(x.ravel()))
    assert value("entropy", np.ones(8)) == pytest.approx(math.log(8))
    assert value("kurtosis", np.full((9, 9), 0.1, dtype=np.float32)) == 0


def test_comparisons():
    first, second = (Moments(torch.tensor(each)) for each in ([1.0, -2.0, 0.0, 3.0], [2.0, 5.0, 0.0, 0.0]))
    signs, cosine = (find_primitive(name, Level.TENSOR).function for name in ("sign_agreement", "cosine"))
    assert float(signs(first, second)) == 0.5
    assert float(cosine(first, second)) == pytest.approx((2 - 10) / math.sqrt(14 * 29))
    assert float(cosine(first, first)) == pytest.approx(1)
    assert float(cosine(first, Moments(torch.zeros(4)))) == 0


def test_complexities():
    """Only primitives that decompose matrices are expensive."""
    primitives = PRIMITIVES[Level.TENSOR].values()
    products = {each.name for each in primitives if each.form in (Form.GRAM, Form.PRODUCT)}
    assert {each.name for each in primitives if each.complexity is Complexity.SPECTRAL} == OF_MATRICES
    assert {each.name for each in primitives if each.complexity is Complexity.PRODUCT} == products
    assert parse("nodes_sum(l1(gram(weight)))").complexity is Complexity.PRODUCT
    assert parse("nodes_sum(add(l1(weight), logdet(gram(weight))))").complexity is Complexity.SPECTRAL
    assert parse("nodes_sum(params)").complexity is Complexity.LINEAR

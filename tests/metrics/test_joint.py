"""The joint correlation over blocks."""

import numpy as np
import pytest

from autoprox.base.errors import SpecError
from autoprox.metrics import Aggregate, joint

SPACES = ["pit", "autoformer", "pit", "pit"]
TAUS = np.array([[0.1, 0.8, 0.4, 0.7], [-0.1, 0.8, 0.4, np.nan], [0.5, -0.5, 0.5, 0.5]])


def test_mean_is_over_blocks_then_spaces():
    np.testing.assert_allclose(joint(TAUS, SPACES), [(0.4 + 0.8) / 2, np.nan, 0.0], atol=1e-15)


def test_min_is_the_worst_block_and_keeps_the_sign():
    np.testing.assert_array_equal(joint(TAUS, SPACES, Aggregate.MIN), [0.1, np.nan, -0.5])


def test_weighted_divides_by_the_sum_of_weights():
    np.testing.assert_allclose(joint(TAUS, SPACES, "weighted", [2, 2, 0, 0]), [0.45, np.nan, 0.0], atol=1e-15)


def test_leading_axes_are_kept():
    taus = np.random.default_rng(0).normal(size=(2, 3, 4))
    assert joint(taus, SPACES).shape == (2, 3)
    assert joint(taus[0, 0], SPACES).shape == ()
    assert joint(taus, SPACES)[1, 2] == joint(taus[1, 2], SPACES)


@pytest.mark.parametrize(
    ("aggregate", "weights", "message"),
    [
        ("maen", None, "Did you mean 'mean'"),
        ("weighted", None, "needs weights"),
        ("weighted", [1, 2], "2 weights for 4 blocks"),
        ("weighted", [0, 0, 0, 0], "not all zero"),
        ("weighted", [1, -1, 1, 1], "none negative"),
        ("weighted", [1, np.nan, 1, 1], "finite"),
        ("mean", [1, 1, 1, 1], "uses none"),
    ],
)
def test_a_wrong_specification_is_said(aggregate, weights, message):
    with pytest.raises(SpecError, match=message):
        joint(TAUS, SPACES, aggregate, weights)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="and 3 spaces"):
        joint(TAUS, SPACES[:3])
    with pytest.raises(ValueError, match="D >= 1"):
        joint(np.empty((3, 0)), [])

"""DiffKendall against Kendall's tau-a, a double loop, and finite differences."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autoprox.metrics.diffkendall import diffkendall_loss, diffkendall_tau, growing

small = st.integers(-4, 4).map(float)
pairs = st.lists(st.tuples(small, small), min_size=2, max_size=12)


def tau_a(x, y):
    """Concordant minus discordant over all pairs, ties included, from the definition."""
    values = [np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]) for i, j in itertools.combinations(range(len(x)), 2)]
    return sum(values) / len(values)


def by_loop(x, y, alpha):
    """The published formula, written with sigmoids as the authors do."""

    def sigmoid(z):
        return 1 / (1 + math.exp(-z))

    def step(z):
        return sigmoid(alpha * z) - sigmoid(-alpha * z)

    n = len(x)
    total = sum(step(x[i] - x[j]) * step(y[i] - y[j]) for i, j in itertools.combinations(range(n), 2))
    return 2 / (n * (n - 1)) * total


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


@given(pairs)
@settings(max_examples=40)
def test_tends_to_tau_a_and_ties_weigh_nothing(items):
    x, y = zip(*items, strict=True)
    assert float(diffkendall_tau(tensor(x), tensor(y), alpha=1e3)) == pytest.approx(tau_a(x, y), abs=1e-12)


@given(pairs, st.floats(0.01, 5))
@settings(max_examples=40)
def test_is_the_published_formula(items, alpha):
    x, y = zip(*items, strict=True)
    assert float(diffkendall_tau(tensor(x), tensor(y), alpha=alpha)) == pytest.approx(by_loop(x, y, alpha), abs=1e-12)


@given(pairs)
@settings(max_examples=20)
def test_turning_scores_round_turns_the_sign_and_order_does_not_matter(items):
    x, y = (tensor(side) for side in zip(*items, strict=True))
    tau = diffkendall_tau(x, y)
    assert torch.allclose(diffkendall_tau(-x, y), -tau)
    assert torch.allclose(diffkendall_tau(x.flip(0), y.flip(0)), tau)
    assert torch.allclose(diffkendall_tau(x + 7, y - 3), tau)


def test_gradients():
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(2, 7)), requires_grad=True)
    y = torch.tensor(rng.normal(size=(2, 7)))
    mask = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    groups = torch.tensor([[0, 0, 0, 1, 1, 1, 1]] * 2)
    for options in ({}, {"mask": mask}, {"groups": groups}, {"target_alpha": math.inf}):
        assert torch.autograd.gradcheck(lambda scores, o=options: diffkendall_loss(scores, y, 1.5, **o), (x,))


def test_a_mask_is_as_if_the_items_were_not_there():
    x, y = tensor([3, 1, 2, math.nan, math.inf]).requires_grad_(), tensor([1, 2, 3, math.nan, 5])
    mask = torch.tensor([True, True, True, False, False])
    loss = diffkendall_loss(x, y, 2.0, mask=mask)
    assert float(loss.detach()) == pytest.approx(-by_loop([3, 1, 2], [1, 2, 3], 2.0))
    loss.backward()
    assert torch.isfinite(x.grad).all()
    assert (x.grad[3:] == 0).all()


def test_groups_compare_their_own_members_only():
    x, y = tensor([3, 1, 9, 2, 8]), tensor([1, 2, 5, 3, 4])
    groups = torch.tensor([0, 0, 1, 0, 1])
    inside = 3 * by_loop([3, 1, 2], [1, 2, 3], 0.7) + by_loop([9, 8], [5, 4], 0.7)
    assert float(diffkendall_tau(x, y, 0.7, groups=groups)) == pytest.approx(inside / 4)


def test_leading_dimensions_are_independent():
    rng = np.random.default_rng(1)
    x, y = torch.tensor(rng.normal(size=(3, 2, 5))), torch.tensor(rng.normal(size=(3, 2, 5)))
    each = [[by_loop(x[i, j].tolist(), y[i, j].tolist(), 0.5) for j in range(2)] for i in range(3)]
    assert torch.allclose(diffkendall_tau(x, y), tensor(each))
    assert float(diffkendall_loss(x, y)) == pytest.approx(-np.mean(each))


def test_schedules_grow_by_a_constant_factor():
    assert [growing(0.5, 8)(done) for done in (0, 0.25, 1)] == [0.5, 1.0, 8.0]
    x, y = tensor([1, 2, 4]), tensor([1, 3, 2])
    by_schedule = diffkendall_tau(x, y, growing(0.5, 8), progress=0.25)
    assert float(by_schedule) == pytest.approx(by_loop([1, 2, 4], [1, 3, 2], 1.0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.0}, "alpha must be a positive finite number"),
        ({"alpha": math.inf}, "alpha must be a positive finite number"),
        ({"alpha": lambda progress: -progress}, "got -1.0"),
        ({"mask": torch.ones(3)}, "The mask must be boolean"),
        ({"mask": torch.tensor([True, False, False])}, "at least two items"),
        ({"groups": torch.tensor([0, 1, 2])}, "No two items share a group"),
        ({"groups": torch.tensor([0, 1])}, r"groups has shape \(2,\)"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        diffkendall_tau(tensor([1, 2, 3]), tensor([1, 2, 3]), **options)


def test_refuses_targets_of_another_shape_and_single_items():
    with pytest.raises(ValueError, match="targets has shape"):
        diffkendall_loss(tensor([1, 2]), tensor([1, 2, 3]))
    with pytest.raises(ValueError, match="at least two items"):
        diffkendall_loss(tensor([1]), tensor([1]))


def test_metrics_are_imported_without_torch():
    code = "import sys, autoprox.metrics; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

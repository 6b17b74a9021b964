"""The losses against plain loops, through their common interface."""

import itertools
import math

import numpy as np
import pytest
import torch

from autoprox.base.errors import RegistryError
from autoprox.metrics.diffkendall import diffkendall_tau
from autoprox.predict.parzc._predictor_losses import LOSSES, SumOfLosses

rng = np.random.default_rng(0)
SCORES = torch.tensor(rng.normal(size=8))
TARGETS = torch.tensor(rng.integers(0, 4, size=8).astype(float))
MASK = torch.tensor([True] * 6 + [False] * 2)
GROUPS = torch.tensor([0, 0, 0, 1, 1, 1, 1, 0])


def pairs(mask, groups):
    return [
        (i, j)
        for i, j in itertools.permutations(range(8), 2)
        if (mask is None or (mask[i] and mask[j])) and (groups is None or groups[i] == groups[j])
    ]


@pytest.mark.parametrize("mask", [None, MASK])
@pytest.mark.parametrize("groups", [None, GROUPS])
def test_pairwise_logistic(mask, groups):
    terms = [
        math.log(1 + math.exp(-float((SCORES[i] - SCORES[j]) * torch.sign(TARGETS[i] - TARGETS[j]))))
        for i, j in pairs(mask, groups)
        if TARGETS[i] != TARGETS[j]
    ]
    assert float(LOSSES["pairwise"](SCORES, TARGETS, mask=mask, groups=groups)) == pytest.approx(np.mean(terms))


@pytest.mark.parametrize("mask", [None, MASK])
def test_squares(mask):
    kept = slice(None) if mask is None else mask
    expected = np.mean((SCORES[kept].numpy() - TARGETS[kept].numpy()) ** 2)
    assert float(LOSSES["mse"](SCORES, TARGETS, mask=mask)) == pytest.approx(expected)


def test_diffkendall_does_not_gain_by_scaling_the_scores():
    loss = LOSSES["diffkendall"]
    assert float(loss(SCORES, TARGETS)) == pytest.approx(float(loss(100 * SCORES + 3, TARGETS)), rel=1e-6)
    assert float(loss(SCORES, TARGETS)) == pytest.approx(-float(loss(-SCORES, TARGETS)))


def test_diffkendall_is_the_metric_of_standardised_scores():
    z = (SCORES - SCORES.mean()) / SCORES.std(correction=0)
    start, end = diffkendall_tau(z, TARGETS, 0.5), diffkendall_tau(z, TARGETS, 5.0)
    assert float(LOSSES["diffkendall"](SCORES, TARGETS, progress=0.0)) == pytest.approx(-float(start), rel=1e-6)
    assert float(LOSSES["diffkendall"](SCORES, TARGETS, progress=1.0)) == pytest.approx(-float(end), rel=1e-6)


@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_has_gradients_and_prefers_the_truth(name):
    loss, leaf = LOSSES[name], SCORES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda scores: loss(scores, TARGETS, groups=GROUPS, mask=MASK), leaf)
    assert float(loss(TARGETS, TARGETS)) < float(loss(-TARGETS, TARGETS))


@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_refuses_what_it_cannot_compare(name):
    with pytest.raises(ValueError, match="at least two items"):
        LOSSES[name](SCORES[:1], TARGETS[:1])
    with pytest.raises(ValueError, match="targets has shape"):
        LOSSES[name](SCORES, TARGETS[:2])


def test_pairwise_refuses_equal_targets():
    with pytest.raises(ValueError, match="different targets"):
        LOSSES["pairwise"](SCORES, torch.ones(8))


def test_sums_and_unknown_names():
    both = SumOfLosses(["diffkendall", "pairwise"])(SCORES, TARGETS, progress=0.5)
    parts = [float(LOSSES[name](SCORES, TARGETS, progress=0.5)) for name in ("diffkendall", "pairwise")]
    assert float(both) == pytest.approx(sum(parts))
    with pytest.raises(RegistryError, match="Did you mean 'pairwise'"):
        SumOfLosses(["pairwize"])

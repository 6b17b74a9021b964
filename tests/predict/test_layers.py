"""Bayesian layers against torch.distributions and against brute-force sampling."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from autoprox.base.isolation import isolated
from autoprox.predict.parzc._layers import BayesianLinear


def wide_posterior(inputs=3, outputs=2, prior_std=0.7):
    """A layer with a posterior of visible width."""
    with isolated(seed=0):
        layer = BayesianLinear(inputs, outputs, prior_std).double()
        with torch.no_grad():
            layer.weight_rho.normal_()
            layer.bias_rho.normal_()
    return layer


def test_divergence_is_that_of_torch():
    layer = wide_posterior()
    weights = Normal(layer.weight_mu, functional.softplus(layer.weight_rho))
    biases = Normal(layer.bias_mu, functional.softplus(layer.bias_rho))
    zero, one = torch.tensor([0.0, 1.0], dtype=torch.float64)
    of_weights = kl_divergence(weights, Normal(zero, 0.7 / math.sqrt(3) * one)).sum()
    expected = of_weights + kl_divergence(biases, Normal(zero, 0.7 * one)).sum()
    assert layer.kl().item() == pytest.approx(expected.item(), rel=1e-12)


def test_divergence_from_itself_is_zero():
    layer = BayesianLinear(4, 2, prior_std=1.5).double()
    with torch.no_grad():
        for mu, rho, std in ((layer.weight_mu, layer.weight_rho, 0.75), (layer.bias_mu, layer.bias_rho, 1.5)):
            mu.zero_()
            rho.fill_(math.log(math.expm1(std)))  # the inverse of softplus
    assert layer.kl().item() == pytest.approx(0.0, abs=1e-12)


def test_drawn_outputs_have_the_distribution_of_outputs_of_drawn_weights():
    layer = wide_posterior()
    row = torch.tensor([[0.5, -2.0, 1.0]], dtype=torch.float64)
    with isolated(seed=1), torch.no_grad():
        local = layer(row.expand(20_000, 3))
        plain = layer.mean()
        drawn = []
        for _ in range(1_000):
            layer.draw_into(plain)
            drawn.append(plain(row))
        drawn = torch.cat(drawn)
    # Standard errors of 1000 draws: 3.2 % of a deviation for means, 2.2 % for deviations; four of them are allowed.
    assert torch.allclose(local.mean(0), drawn.mean(0), atol=0.13 * float(local.std(0).max()))
    assert torch.allclose(local.std(0), drawn.std(0), rtol=0.09)


def test_the_mean_layer_has_the_means():
    layer = wide_posterior()
    row = torch.tensor([[0.5, -2.0, 1.0]], dtype=torch.float64)
    assert torch.equal(layer.mean()(row), functional.linear(row, layer.weight_mu, layer.bias_mu))


def test_gradients_of_the_divergence():
    layer = wide_posterior()
    names = list(dict(layer.named_parameters()))

    def divergence(*values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (), {}, strict=True)

    layer.forward = layer.kl
    assert torch.autograd.gradcheck(divergence, tuple(layer.parameters()))

"""Bayesian linear layers, with distributions over weights."""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

INITIAL_RHO = -5.0
"""Initial rho, as in the code of ParZC: a standard deviation of 0.0067."""

M = TypeVar("M", bound=nn.Module)


class BayesianLinear(nn.Module):
    """A linear layer with an independent normal posterior for every weight and a normal prior.

    w = mu + softplus(rho) eps (Blundell 2015, https://arxiv.org/abs/1505.05424). A forward pass draws outputs instead
    of weights: a sum of independent normal weights is normal, with mean x mu' and variance x^2 sigma^2'. Rows of a
    batch then have independent noise, which reduces the variance of gradients (Kingma 2015, local reparameterisation,
    https://arxiv.org/abs/1506.02557).

    Args:
        in_features: Size of the input.
        out_features: Size of the output.
        prior_std: Standard deviation of the outputs under the prior, for inputs of unit variance. A weight has the
            standard deviation `prior_std / sqrt(in_features)`, so that the prior does not depend on the width of a
            layer (Neal 1996). Biases have `prior_std`.

    Shape:
        `(..., in_features)` -> `(..., out_features)`.

    Example:
        >>> layer = BayesianLinear(3, 2)
        >>> layer(torch.zeros(5, 3)).shape, bool(layer.kl() > 0)
        (torch.Size([5, 2]), True)
    """

    def __init__(self, in_features: int, out_features: int, prior_std: float = 1.0) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.prior_std = prior_std
        bound = 1.0 / math.sqrt(in_features)
        self.weight_mu = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        self.weight_rho = nn.Parameter(torch.full((out_features, in_features), INITIAL_RHO))
        self.bias_mu = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound))
        self.bias_rho = nn.Parameter(torch.full((out_features,), INITIAL_RHO))

    def forward(self, x: Tensor) -> Tensor:
        """Draws outputs, independently for every row."""
        mean = functional.linear(x, self.weight_mu, self.bias_mu)
        variance = functional.linear(
            x.square(), functional.softplus(self.weight_rho).square(), functional.softplus(self.bias_rho).square()
        )
        return mean + variance.sqrt() * torch.randn_like(mean)

    def kl(self) -> Tensor:
        """Divergence KL(posterior || prior) in nat, summed over weights and biases, in closed form."""
        weights = _normal_kl(self.weight_mu, self.weight_rho, self.prior_std / math.sqrt(self.in_features))
        return weights + _normal_kl(self.bias_mu, self.bias_rho, self.prior_std)

    def mean(self) -> nn.Linear:
        """A plain layer with the means of the weights."""
        # On "meta" nothing is initialised, so that no random number is consumed.
        layer = nn.Linear(self.in_features, self.out_features, device="meta")
        layer.weight = nn.Parameter(self.weight_mu.detach().clone())
        layer.bias = nn.Parameter(self.bias_mu.detach().clone())
        return layer

    @torch.no_grad()
    def draw_into(self, layer: nn.Linear) -> None:
        """Copies one draw of the weights into a plain layer."""
        for held, mu, rho in (
            (layer.weight, self.weight_mu, self.weight_rho),
            (layer.bias, self.bias_mu, self.bias_rho),
        ):
            held.copy_(mu + functional.softplus(rho) * torch.randn_like(mu))


def _normal_kl(mu: Tensor, rho: Tensor, prior_std: float) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, prior_std^2)) = log(prior_std / sigma) + (sigma^2 + mu^2) / (2 prior_std^2) - 1/2."""
    sigma = functional.softplus(rho)
    return ((sigma**2 + mu**2) / (2 * prior_std**2) - 0.5 - torch.log(sigma / prior_std)).sum()

"""Reductions of a node's tensor by the singular values of its matrix (`_moments.as_matrix`).

Like the reductions in `_tensor_operations`, they take the `Moments` of a tensor and return a float64 tensor without
dimensions.
"""

import torch
from torch import Tensor

from autoprox.graph._moments import Moments
from autoprox.graph.operations import TENSOR_EPS

CONDITION_LIMIT = 1e6
"""Limit of the condition number: smaller singular values are rounding errors of float32."""

RIDGE = 1e-6
"""Ridge added to each eigenvalue of the Gram matrix before the logarithm, relative to their mean."""


def reduce_nuclear(x: Moments) -> Tensor:
    """Nuclear norm: the sum of the singular values."""
    return x.singular_values.sum()


def reduce_spectral(x: Moments) -> Tensor:
    """Spectral norm: the largest singular value."""
    return x.singular_values[0]


def reduce_effective_rank(x: Moments) -> Tensor:
    """Effective rank: exp of the entropy of the singular values divided by their sum; 0 for a zero matrix.

    Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality". Between 1 and the rank.
    """
    values = x.singular_values
    total = values.sum()
    rank = torch.special.entr(values / torch.where(total > 0, total, 1.0)).sum().exp()
    return torch.where(total == 0, 0.0, rank)


def reduce_stable_rank(x: Moments) -> Tensor:
    """Stable rank: the sum of the squared singular values over the largest square; 0 for a zero matrix.

    Rudelson and Vershynin 2007. Between 1 and the rank, and blind to small singular values.
    """
    values = x.singular_values
    largest = values[0]
    return torch.where(largest == 0, 0.0, (values / torch.where(largest == 0, 1.0, largest)).square().sum())


def reduce_condition(x: Moments) -> Tensor:
    """Condition number: largest over smallest singular value, at most 1e6 (the value of a singular matrix)."""
    values = x.singular_values
    largest = values[0]
    ratio = largest / torch.where(largest == 0, 1.0, torch.maximum(values[-1], largest / CONDITION_LIMIT))
    return torch.where(largest == 0, CONDITION_LIMIT, ratio)


def reduce_logdet(x: Moments) -> Tensor:
    """Log-determinant of the Gram matrix G of the shorter side with a ridge: ln det(G + r I), r = 1e-6 tr(G)/k + 1e-18.

    k is the length of the shorter side. The relative part of the ridge prevents values dominated by rounding for
    singular matrices; the absolute part, the square of the guard of tensors, gives k ln(1e-18) for a zero matrix.
    """
    squares = x.singular_values.square()
    return (squares + RIDGE * squares.mean() + TENSOR_EPS * TENSOR_EPS).log().sum()

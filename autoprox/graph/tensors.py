"""Operations on the tensor of one node that are not element-wise: normalisations, the matrix product, reductions.

Reductions take the `Moments` of a tensor, which they share. They accumulate in float64, whatever the tensor's dtype,
and return a float64 tensor without dimensions.
"""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from autoprox.graph.operations import TENSOR_EPS


def zscore(x: Tensor, _xp: Any, eps: float) -> Tensor:
    """(x - mean) / (std + eps) over the whole tensor; 0 for a tensor of one element."""
    centred = x - x.mean()
    return centred / (centred.square().mean().sqrt() + eps)


def minmax(x: Tensor, _xp: Any, eps: float) -> Tensor:
    """(x - min) / (max - min + eps) over the whole tensor, in [0, 1]."""
    low, high = torch.aminmax(x)
    return (x - low) / (high - low + eps)


def softmax(x: Tensor, _xp: Any, _eps: float) -> Tensor:
    """Softmax over the first dimension."""
    return torch.softmax(x, dim=0)


def log_softmax(x: Tensor, _xp: Any, _eps: float) -> Tensor:
    """Logarithm of the softmax over the first dimension."""
    return torch.log_softmax(x, dim=0)


def matrix_product(a: Tensor, b: Tensor, _xp: Any, _eps: float) -> Tensor:
    """A @ B.T, each tensor seen as a matrix `(first dimension, all others)`; the result is square.

    The published list has a bare matrix product, which is undefined for two tensors of the same shape unless they are
    square; this is the form that always exists.
    """
    return a.reshape(a.shape[0], -1) @ b.reshape(b.shape[0], -1).T


class Moments:
    """What the reductions of one tensor share, each computed when it is first asked for, in float64.

    Args:
        tensor: Any shape, at least one element.

    Example:
        >>> moments = Moments(torch.tensor([[1.0, -3.0]]))
        >>> float(moments.total), float(moments.absolute), float(moments.squares), moments.count
        (-2.0, 4.0, 10.0, 2)
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.count = tensor.numel()

    @cached_property
    def wide(self) -> Tensor:
        """The elements in float64, shape `(count,)`."""
        return self.tensor.reshape(-1).to(torch.float64)

    @cached_property
    def total(self) -> Tensor:
        """Sum of x."""
        return self.wide.sum()

    @cached_property
    def magnitudes(self) -> Tensor:
        """The elements of |x|, shape `(count,)`, in the tensor's own dtype."""
        return self.tensor.reshape(-1).abs()

    @cached_property
    def absolute(self) -> Tensor:
        """Sum of |x|."""
        return self.magnitudes.sum(dtype=torch.float64)

    @cached_property
    def squares(self) -> Tensor:
        """Sum of x**2."""
        return torch.dot(self.wide, self.wide)

    @cached_property
    def extremes(self) -> tuple[Tensor, Tensor]:
        """Smallest and largest element."""
        low, high = torch.aminmax(self.tensor)
        return low.to(torch.float64), high.to(torch.float64)


def reduce_sum(x: Moments) -> Tensor:
    """Sum over all elements."""
    return x.total


def reduce_mean(x: Moments) -> Tensor:
    """Mean over all elements."""
    return x.total / x.count


def reduce_mean_abs(x: Moments) -> Tensor:
    """Mean of |x|."""
    return x.absolute / x.count


def reduce_l1(x: Moments) -> Tensor:
    """Sum of |x|."""
    return x.absolute


def reduce_frobenius(x: Moments) -> Tensor:
    """Square root of the sum of squares."""
    return x.squares.sqrt()


def reduce_std(x: Moments) -> Tensor:
    """Population standard deviation (0 for one element, where the sample form is undefined)."""
    centred = x.wide - x.total / x.count
    return (torch.dot(centred, centred) / x.count).sqrt()


def reduce_max(x: Moments) -> Tensor:
    """Largest element."""
    return x.extremes[1]


def reduce_min(x: Moments) -> Tensor:
    """Smallest element."""
    return x.extremes[0]


def reduce_positive_share(x: Moments) -> Tensor:
    """Share of elements above zero."""
    # A sum of floats is several times faster here than a count of booleans.
    return (x.tensor > 0).to(torch.float32).mean(dtype=torch.float64)


def reduce_mean_log(x: Moments) -> Tensor:
    """Mean of ln(|x| + 1e-9)."""
    return (x.magnitudes + TENSOR_EPS).log().sum(dtype=torch.float64) / x.count

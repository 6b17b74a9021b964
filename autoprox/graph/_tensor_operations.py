"""Operations on the tensor of one node that are not element-wise: normalisations, the matrix product, reductions.

Reductions take the shared `Moments` of a tensor, accumulate in float64 for any dtype, and return a float64 tensor
without dimensions.
"""

from typing import Any

import torch
from torch import Tensor

from autoprox.graph._moments import Moments
from autoprox.graph.operations import TENSOR_EPS


def zscore(x: Tensor, _xp: Any, eps: float) -> Tensor:
    """(x - mean) / (std + eps) over the whole tensor; 0 if the elements differ only by rounding."""
    centred = x - x.mean()
    scaled = centred / (centred.square().mean().sqrt() + eps)
    return torch.where(_differ(x), scaled, 0.0 * x)


def minmax(x: Tensor, _xp: Any, eps: float) -> Tensor:
    """(x - min) / (max - min + eps) over the whole tensor, in [0, 1]; 0 if the elements differ only by rounding."""
    low, high = torch.aminmax(x)
    return torch.where(_differ(x), (x - low) / (high - low + eps), 0.0 * x)


def _differ(x: Tensor) -> Tensor:
    """True if the elements differ by more than rounding errors of their dtype."""
    low, high = torch.aminmax(x)
    return high - low > 2 * torch.finfo(x.dtype).eps * torch.maximum(low.abs(), high.abs())


def softmax(x: Tensor, _xp: Any, _eps: float) -> Tensor:
    """Softmax over the first dimension."""
    return torch.softmax(x, dim=0)


def log_softmax(x: Tensor, _xp: Any, _eps: float) -> Tensor:
    """Logarithm of the softmax over the first dimension."""
    return torch.log_softmax(x, dim=0)


def matrix_product(a: Tensor, b: Tensor, _xp: Any, _eps: float) -> Tensor:
    """A @ B.T, with each tensor viewed as a matrix `(first dimension, all others)`; the result is square.

    The published list has a plain matrix product, which is undefined for two tensors of the same shape unless they are
    square; this form always exists. Different precisions are promoted to the wider one, as in arithmetic.
    """
    wider = torch.promote_types(a.dtype, b.dtype)
    return a.reshape(a.shape[0], -1).to(wider) @ b.reshape(b.shape[0], -1).to(wider).T


def gram(x: Tensor, _xp: Any, _eps: float) -> Tensor:
    """X @ X.T, viewed as a matrix `(first dimension, all others)`: for activations, the similarity of images."""
    flat = x.reshape(x.shape[0], -1)
    return flat @ flat.T


def reduce_sum(x: Moments) -> Tensor:
    """Sum over all elements."""
    return x.total


def reduce_mean(x: Moments) -> Tensor:
    """Mean over all elements."""
    return x.total / x.count


def reduce_mean_abs(x: Moments) -> Tensor:
    """Mean of `|x|`."""
    return x.absolute / x.count


def reduce_l1(x: Moments) -> Tensor:
    """Sum of `|x|`."""
    return x.absolute


def reduce_frobenius(x: Moments) -> Tensor:
    """Square root of the sum of squares."""
    return x.squares.sqrt()


def reduce_std(x: Moments) -> Tensor:
    """Population standard deviation; 0 for equal elements and for a single one."""
    return torch.where(x.is_constant, 0.0, (x.deviation / x.count).sqrt())


def reduce_max(x: Moments) -> Tensor:
    """Largest element."""
    return x.extremes[1]


def reduce_min(x: Moments) -> Tensor:
    """Smallest element."""
    return x.extremes[0]


def reduce_positive_share(x: Moments) -> Tensor:
    """Share of elements above zero."""
    # Here, a sum of floats is several times faster than a count of booleans.
    return (x.tensor > 0).to(torch.float32).mean(dtype=torch.float64)


def reduce_mean_log(x: Moments) -> Tensor:
    """Mean of `ln(|x| + 1e-9)`."""
    return (x.magnitudes + TENSOR_EPS).log().sum(dtype=torch.float64) / x.count


def reduce_entropy(x: Moments) -> Tensor:
    """Shannon entropy `-sum(p ln p)` of `p = |x| / sum of |x|`, in nats; 0 for a tensor of zeros.

    Between 0 (a single nonzero element) and ln(count) (all magnitudes are equal).
    """
    total = torch.where(x.absolute > 0, x.absolute, 1.0)
    shares = x.magnitudes / total.to(x.magnitudes.dtype)
    # The smallest normal number keeps the logarithm of 0 finite and vanishes in any relevant share.
    terms = (shares + torch.finfo(shares.dtype).tiny).log_().mul_(shares)
    return -terms.sum(dtype=torch.float64)


def reduce_skewness(x: Moments) -> Tensor:
    """Third standardised moment, m_3 / m_2**1.5; 0 if the elements differ only by rounding."""
    variance = torch.where(x.is_spread, x.deviation / x.count, 1.0)
    third = torch.dot(x.centred_squares, x.centred) / x.count
    return torch.where(x.is_spread, third / variance**1.5, 0.0)


def reduce_kurtosis(x: Moments) -> Tensor:
    """Fourth standardised moment, m_4 / m_2**2 (3 if normal); 0 if the elements differ only by rounding."""
    variance = torch.where(x.is_spread, x.deviation / x.count, 1.0)
    fourth = torch.dot(x.centred_squares, x.centred_squares) / x.count
    return torch.where(x.is_spread, fourth / variance**2, 0.0)


def compare_signs(a: Moments, b: Moments) -> Tensor:
    """Share of elements with the same sign in two tensors; 0 counts as a separate sign."""
    return (a.tensor.sign() == b.tensor.sign()).to(torch.float32).mean(dtype=torch.float64)


def compare_cosine(a: Moments, b: Moments) -> Tensor:
    """Cosine of the angle between two tensors, in [-1, 1] up to rounding; 0 if one is all zeros."""
    norm = a.squares.sqrt() * b.squares.sqrt()
    return torch.where(norm > 0, torch.dot(a.wide, b.wide) / torch.where(norm > 0, norm, 1.0), 0.0)

"""Detects values that are pure rounding error: equal up to rounding, or eigenvalues that are zero up to rounding.

A formula that divides by such a value, or takes its logarithm, gives a meaningless number.
"""

import torch
from torch import Tensor

from autoprox.base.errors import UndefinedScoreError

ROUNDING = 8 * torch.finfo(torch.float32).eps
"""Values in single precision with a smaller relative difference count as equal.

One rounding is an eighth of it; sums of many terms accumulate a few roundings.
"""


def alike(values: Tensor, dim: int = -1) -> Tensor:
    """True if the elements along a dimension differ by no more than rounding; False if one is NaN.

    Example:
        >>> alike(torch.tensor([[0.1, 0.1 + 1e-8], [0.1, 0.2]]))
        tensor([ True, False])
    """
    low, high = values.amin(dim), values.amax(dim)
    return high - low <= ROUNDING * torch.maximum(low.abs(), high.abs())


def centred(tokens: Tensor) -> Tensor:
    """Tokens `(N, width)` without their mean, float64.

    Raises:
        UndefinedScoreError: If all tokens are equal up to rounding.

    Example:
        >>> centred(torch.tensor([[1.0, 0.0], [3.0, 0.0]])).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
    """
    tokens = tokens.double()
    apart = (tokens.amax(dim=0) - tokens.amin(dim=0)).max()
    if apart <= ROUNDING * tokens.abs().max():
        raise UndefinedScoreError("all tokens of a layer are equal, so that they have no principal components.")
    return tokens - tokens.mean(dim=0)


def is_singular(eigenvalues: Tensor, precision: torch.dtype = torch.float64) -> bool:
    """True if the smallest eigenvalue of a matrix `X @ X.T` is zero up to rounding.

    Args:
        eigenvalues: The eigenvalues in ascending order, `(B,)`, computed in float64.
        precision: Precision of X. A singular value of X below B roundings of the largest counts as zero.

    Example:
        >>> is_singular(torch.tensor([-1e-17, 1.0])), is_singular(torch.tensor([1e-3, 1.0]))
        (True, False)
    """
    of_x, of_these = (len(eigenvalues) * torch.finfo(each).eps for each in (precision, torch.float64))
    return bool(eigenvalues[0] <= max(of_x**2, of_these) * eigenvalues[-1])

"""Values that rounding alone makes: equal but for it, or eigenvalues that are zero but for it.

A formula that divides by such a value, or takes its logarithm, gives a number that says nothing of the network.
"""

import torch
from torch import Tensor

from autoprox.base.errors import UndefinedScoreError

ROUNDING = 8 * torch.finfo(torch.float32).eps
"""Values that a model computes in single precision, and that differ by less than this share of their size, are alike.

One rounding is an eighth of it; a sum of many terms leaves a few.
"""


def alike(values: Tensor, dim: int = -1) -> Tensor:
    """Whether the elements along a dimension differ by no more than rounding; False where one is NaN.

    Example:
        >>> alike(torch.tensor([[0.1, 0.1 + 1e-8], [0.1, 0.2]]))
        tensor([ True, False])
    """
    low, high = values.amin(dim), values.amax(dim)
    return high - low <= ROUNDING * torch.maximum(low.abs(), high.abs())


def centred(tokens: Tensor) -> Tensor:
    """Tokens `(N, width)` without their mean, float64.

    Raises:
        UndefinedScoreError: If they are one token and its rounding, which has no directions.

    Example:
        >>> centred(torch.tensor([[1.0, 0.0], [3.0, 0.0]])).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
    """
    tokens = tokens.double()
    apart = (tokens.amax(dim=0) - tokens.amin(dim=0)).max()
    if apart <= ROUNDING * tokens.abs().max():
        raise UndefinedScoreError("all tokens of a layer are alike, so that they have no principal components.")
    return tokens - tokens.mean(dim=0)


def is_singular(eigenvalues: Tensor, precision: torch.dtype = torch.float64) -> bool:
    """Whether the smallest eigenvalue of a matrix `X @ X.T` is what rounding made of zero.

    Args:
        eigenvalues: In ascending order, `(B,)`, computed in float64.
        precision: What X was computed in. A singular value of X below B roundings of the largest is rounding.

    Example:
        >>> is_singular(torch.tensor([-1e-17, 1.0])), is_singular(torch.tensor([1e-3, 1.0]))
        (True, False)
    """
    of_x, of_these = (len(eigenvalues) * torch.finfo(each).eps for each in (precision, torch.float64))
    return bool(eigenvalues[0] <= max(of_x**2, of_these) * eigenvalues[-1])

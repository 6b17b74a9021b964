"""Quantities shared by the reductions of one tensor: sums, extremes, singular values, each computed once.

A tensor is viewed as a matrix with its channels as one side and all other dimensions as the other. The channels of a
weight are its first dimension: `(out, in)` for a linear layer, and `(out, in, height, width)`, viewed as `(out, in *
height * width)`, for a convolution. The channels of any other tensor are its last dimension: tokens `(batch, tokens,
width)` become `(batch * tokens, width)`, and attention maps `(batch, heads, tokens, tokens)` become rows of
probabilities. A tensor of one dimension is a single row.
"""

from functools import cached_property

import torch
from torch import Tensor

_SPREAD = 1e-7
# Relative differences of elements below this are rounding errors of float32.

_EQUAL = 1e-12
# The relative error of the mean of equal elements in float64 is far below this; one different float32 number in a
# billion is above it.


class Moments:
    """Quantities shared by the reductions of one tensor, computed on first use in float64.

    Args:
        tensor: A tensor of any shape with at least one element.
        channels_first: True if channels are the first dimension, as in a weight, and not the last.

    Example:
        >>> moments = Moments(torch.tensor([[1.0, -3.0]]))
        >>> float(moments.total), float(moments.absolute), float(moments.squares), moments.count
        (-2.0, 4.0, 10.0, 2)
    """

    def __init__(self, tensor: Tensor, *, channels_first: bool = False) -> None:
        self.tensor = tensor
        self.channels_first = channels_first
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
        """The elements of `|x|`, shape `(count,)`, in the tensor's own dtype."""
        return self.tensor.reshape(-1).abs()

    @cached_property
    def absolute(self) -> Tensor:
        """Sum of `|x|`."""
        return self.magnitudes.sum(dtype=torch.float64)

    @cached_property
    def squares(self) -> Tensor:
        """Sum of x**2."""
        return torch.dot(self.wide, self.wide)

    @cached_property
    def centred(self) -> Tensor:
        """Differences from the mean, shape `(count,)`."""
        mean: Tensor = self.total / self.count
        return self.wide - mean

    @cached_property
    def centred_squares(self) -> Tensor:
        """Squared differences from the mean, shape `(count,)`."""
        return self.centred * self.centred

    @cached_property
    def deviation(self) -> Tensor:
        """Sum of the squared differences from the mean."""
        return torch.dot(self.centred, self.centred)

    @cached_property
    def is_spread(self) -> Tensor:
        """True if the elements differ by more than rounding errors of float32."""
        return self.deviation > _SPREAD * _SPREAD * self.squares

    @cached_property
    def is_constant(self) -> Tensor:
        """True if all elements are equal."""
        return self.deviation <= _EQUAL * _EQUAL * self.squares

    @cached_property
    def extremes(self) -> tuple[Tensor, Tensor]:
        """Smallest and largest element."""
        low, high = torch.aminmax(self.tensor)
        return low.to(torch.float64), high.to(torch.float64)

    @cached_property
    def singular_values(self) -> Tensor:
        """Singular values in descending order, as many as the shorter side; NaN if x is not finite."""
        matrix = as_matrix(self.wide.reshape(self.tensor.shape), self.channels_first)
        rows, columns = matrix.shape
        if not all(torch.isfinite(each) for each in self.extremes):
            return matrix.new_full((min(rows, columns),), torch.nan)
        # LAPACK is two to three times faster on tall matrices than on their transposes.
        values: Tensor = torch.linalg.svdvals(matrix if rows >= columns else matrix.T)
        return values


def as_matrix(tensor: Tensor, channels_first: bool) -> Tensor:
    """Views a tensor as a matrix with its channels as one side; see the module docstring.

    Example:
        >>> as_matrix(torch.ones(8, 3, 2, 2), channels_first=True).shape
        torch.Size([8, 12])
        >>> as_matrix(torch.ones(8, 5, 16), channels_first=False).shape
        torch.Size([40, 16])
    """
    if tensor.ndim < 2:
        return tensor.reshape(1, -1)
    return tensor.reshape(tensor.shape[0], -1) if channels_first else tensor.reshape(-1, tensor.shape[-1])

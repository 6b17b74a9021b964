"""Spread of gradients between samples: running moments, without storing the gradients.

The gradients of all images would need the memory of the model once per image, so they are accumulated one by one. Mean
and variance are updated by the pairwise rule (Chan 1979, "Updating formulae and a pairwise algorithm for computing
sample variances"), which stays accurate if the mean is much larger than the spread.
"""

import torch
from torch import Tensor


class Spread:
    """Elementwise moments of tensors of one shape, in float32 or wider.

    Example:
        >>> spread = Spread()
        >>> spread.add(torch.tensor([[1.0, 0.0], [3.0, -2.0]]))
        >>> spread.add(torch.tensor([[2.0, -4.0]]))
        >>> spread_mean_abs(spread), spread_std(spread)
        (tensor([2., 2.]), tensor([0.8165, 1.6330]))
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.mean_abs = self.mean_sign = self.variance = torch.zeros(())

    def add(self, gradients: Tensor) -> None:
        """Adds gradients `(n, *shape)`."""
        wide = gradients.to(torch.promote_types(gradients.dtype, torch.float32))
        share = len(wide) / (self.count + len(wide))
        mean = wide.mean(dim=0)
        variance = (wide - mean).square().mean(dim=0)  # torch.var_mean is 20 times slower along the first dimension
        shift = mean - self.mean
        self.variance = self.variance + (variance - self.variance) * share + shift.square() * (share * (1.0 - share))
        self.mean = self.mean + shift * share
        self.mean_abs = self.mean_abs + (wide.abs().mean(dim=0) - self.mean_abs) * share
        self.mean_sign = self.mean_sign + (wide.sign().mean(dim=0) - self.mean_sign) * share
        self.count += len(wide)


def spread_mean_abs(spread: Spread) -> Tensor:
    """Mean of |g|."""
    return spread.mean_abs


def spread_std(spread: Spread) -> Tensor:
    """Population standard deviation of g."""
    return spread.variance.sqrt()


def spread_mean_square(spread: Spread) -> Tensor:
    """Mean of g**2."""
    return spread.variance + spread.mean.square()


def spread_mean_sign(spread: Spread) -> Tensor:
    """Mean of the sign of g."""
    return spread.mean_sign

"""Fake quantisation: weights on a symmetric grid for each output channel, activations on an affine grid.

Everything stays in floating point, so that a quantised network is run, differentiated and looked at like any other.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from autoprox.base.errors import SpecError
from autoprox.base.numbers import is_whole
from autoprox.spaces import FULL_BITS

LEAST_BITS, MOST_BITS = 2, 8
"""The fewest and the most bits of a quantised weight or activation; 32 leave it as it is."""
_SHRINKINGS = tuple(1 - step / 40 for step in range(37))
# Fractions of the scale without clipping among which the best is looked for: large weights are clipped.
_REFINEMENTS = 2
# Times that the least-squares scale of the codes is tried.
_SCALE_BITS = 16
# Significant bits of a scale: its products with codes are exact then, and quantising twice changes nothing.


def check_bits(bits: object) -> int:
    """Checks a number of bits.

    Raises:
        SpecError: If it is neither 2 to 8 nor 32.

    Example:
        >>> check_bits(4)
        4
        >>> check_bits(1)
        Traceback (most recent call last):
        ...
        autoprox.base.errors.SpecError: 1 is not allowed as a number of bits; give 2 to 8, or 32 for no quantisation.
    """
    if is_whole(bits) and (bits == FULL_BITS or LEAST_BITS <= bits <= MOST_BITS):  # type: ignore[operator]
        return int(bits)  # type: ignore[call-overload, no-any-return]
    raise SpecError(
        f"{bits!r} is not allowed as a number of bits; give {LEAST_BITS} to {MOST_BITS}, or {FULL_BITS} for no "
        "quantisation."
    )


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedWeight:
    """A weight as whole numbers with a scale for each output channel.

    Args:
        codes: int8, of the weight's shape.
        scales: float32 `(channels,)`.
        dim: The dimension of the output channels.
    """

    codes: Tensor
    scales: Tensor
    dim: int = 0

    @property
    def values(self) -> Tensor:
        """The weight that they stand for, float32."""
        shape = [1] * self.codes.ndim
        shape[self.dim] = -1
        return self.codes * self.scales.reshape(shape)


@torch.no_grad()
def quantised(weight: Tensor, bits: int, dim: int = 0) -> QuantisedWeight:
    """Rounds a weight to a symmetric grid of `2**bits - 1` values for each output channel.

    The scale of a channel is the one, of 37 between a tenth of that which clips nothing and that itself, with the least
    squared error; then it is refined by least squares. To quantise what is quantised changes no bit.

    Args:
        weight: Of any shape.
        bits: 2 to 8.
        dim: The dimension of the output channels.

    Raises:
        SpecError: If the number of bits is not one of these.

    Example:
        >>> found = quantised(torch.tensor([[1.0, -3.0, 0.4], [0.0, 0.0, 0.0]]), bits=2)
        >>> found.codes.tolist()
        [[0, -1, 0], [0, 0, 0]]
        >>> torch.equal(quantised(found.values, 2).values, found.values)
        True
    """
    if check_bits(bits) == FULL_BITS:
        raise SpecError("A weight of 32 bits is not quantised; give 2 to 8 bits.")
    rows = weight.detach().float().movedim(dim, 0).flatten(1)
    top = 2 ** (bits - 1) - 1
    full = rows.abs().amax(1, keepdim=True) / top
    full = torch.where(full > 0, full, torch.ones_like(full))
    best, error = _rounded_down(full), torch.full_like(full, torch.inf)
    codes = torch.zeros_like(rows)

    def tried(scale: Tensor) -> None:
        nonlocal best, error, codes
        scale = _rounded_down(scale)
        found = (rows / scale).round_().clamp_(-top, top)
        wrong = (rows - found * scale).square_().sum(1, keepdim=True)
        better = wrong < error
        best, error = torch.where(better, scale, best), torch.where(better, wrong, error)
        codes = torch.where(better, found, codes)

    for shrinking in _SHRINKINGS:
        tried(full * shrinking)
    for _ in range(_REFINEMENTS):
        fitted = (rows * codes).sum(1, keepdim=True) / codes.square().sum(1, keepdim=True).clamp(min=1)
        tried(torch.where(fitted > 0, torch.minimum(fitted, full), full))
    shaped = codes.to(torch.int8).reshape(weight.movedim(dim, 0).shape).movedim(0, dim)
    return QuantisedWeight(shaped.contiguous(), best.flatten(), dim)


def _rounded_down(scale: Tensor) -> Tensor:
    mantissa, exponent = torch.frexp(scale)
    return torch.ldexp((mantissa * 2**_SCALE_BITS).floor() / 2**_SCALE_BITS, exponent)


class ActivationQuantiser:
    """A forward pre-hook that rounds the first argument of a module to an affine grid.

    Gradients pass as if nothing was rounded, and not where values are clipped.

    Args:
        low: The smallest value of the grid, at most 0.
        high: The largest value, at least 0.
        bits: 2 to 8.

    Example:
        >>> ActivationQuantiser(0.0, 3.0, bits=2).rounded(torch.tensor([-1.0, 0.4, 1.6, 9.0])).tolist()
        [0.0, 0.0, 2.0, 3.0]
    """

    def __init__(self, low: float, high: float, bits: int) -> None:
        levels = 2 ** check_bits(bits) - 1
        self.scale = (high - low) / levels or 1.0
        zero = round(-low / self.scale)
        self.least, self.most = -zero, levels - zero

    def rounded(self, values: Tensor) -> Tensor:
        """The nearest values of the grid."""
        clipped = values.clamp(self.least * self.scale, self.most * self.scale)
        return clipped + ((clipped / self.scale).round() * self.scale - clipped).detach()

    def __call__(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Hook that torch calls before the module."""
        return (self.rounded(inputs[0]), *inputs[1:])

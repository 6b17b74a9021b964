"""Fake quantisation: weights on a symmetric grid per output channel, activations on an affine grid.

All values stay in floating point, so a quantised network can be run, differentiated and inspected like any other.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from autoprox.base.errors import SpecError
from autoprox.base.numbers import is_whole
from autoprox.spaces import FULL_BITS

LEAST_BITS, MOST_BITS = 2, 8
"""Limits of the bits of a quantised weight or activation; 32 bits mean no quantisation."""
_SHRINKINGS = tuple(1 - step / 40 for step in range(37))
# Candidate scales, as fractions of the scale without clipping: a smaller scale clips large weights.
_REFINEMENTS = 2
# Number of refinements of the scale by least squares.
_SCALE_BITS = 16
# Significant bits of a scale; with few bits its products with codes are exact, and quantising twice changes nothing.


def check_bits(bits: object) -> int:
    """Checks a number of bits.

    Raises:
        SpecError: If it is not 2 to 8 or 32.

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
    """A weight as whole numbers with one scale per output channel.

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
        """The represented weight, float32."""
        shape = [1] * self.codes.ndim
        shape[self.dim] = -1
        return self.codes * self.scales.reshape(shape)


@torch.no_grad()
def quantised(weight: Tensor, bits: int, dim: int = 0) -> QuantisedWeight:
    """Rounds a weight to a symmetric grid of `2**bits - 1` values per output channel.

    The scale of a channel is the best, by squared error, of 37 candidates from a tenth of the full scale to the full
    scale, which clips nothing; then it is refined by least squares. Quantising a quantised weight does not change it.

    Args:
        weight: A weight of any shape.
        bits: 2 to 8.
        dim: The dimension of the output channels.

    Raises:
        SpecError: If the number of bits is not 2 to 8.

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

    Gradients pass unchanged through rounding, and are zero for clipped values.

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
        """Returns the nearest values of the grid."""
        clipped = values.clamp(self.least * self.scale, self.most * self.scale)
        return clipped + ((clipped / self.scale).round() * self.scale - clipped).detach()

    def __call__(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Hook that torch calls before the module."""
        return (self.rounded(inputs[0]), *inputs[1:])

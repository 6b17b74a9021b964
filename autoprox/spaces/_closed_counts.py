"""Closed forms of the parameters and multiply-accumulates of layers, from which spaces compose their counts.

A multiply-accumulate (MAC) is counted in linear layers, convolutions and the two matrix products of attention, per
image; biases, normalisations, activations, softmax and additions are not counted.
"""

from dataclasses import dataclass
from typing import NamedTuple

FULL_BITS = 32
"""Bits of a number in single precision."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of a network.

    Args:
        params: Number of trainable parameters.
        macs: Multiply-accumulates of one forward pass, per image.
        backbone_params: A number of parameters that does not depend on the data set. Spaces with a closed form exclude
            patch embedding, position embedding, class token and head; for other spaces it is the number for 2 classes
            and images of the default size with 3 channels.
    """

    params: int
    macs: int
    backbone_params: int


class Storage(NamedTuple):
    """Storage and bit operations of a network, which depend on its precision.

    Args:
        weight_bytes: Bytes of all parameters, including the scales of quantised ones.
        bitops: Bit operations of one forward pass, per image: multiply-accumulates times the bits of both factors.
    """

    weight_bytes: int
    bitops: int

    @classmethod
    def of_single_precision(cls, counts: Counts) -> "Storage":
        """Returns the storage of a network with parameters and activations of 32 bits.

        Example:
            >>> Storage.of_single_precision(Counts(params=10, macs=3, backbone_params=0))
            Storage(weight_bytes=40, bitops=3072)
        """
        return cls(counts.params * FULL_BITS // 8, counts.macs * FULL_BITS**2)


class PartCounts(NamedTuple):
    """Parameters of a part of a network, and its multiply-accumulates per image."""

    params: int
    macs: int


def linear(fan_in: int, fan_out: int, tokens: int = 1) -> PartCounts:
    """Counts a linear layer with bias, applied to each of `tokens` vectors.

    Example:
        >>> linear(4, 3, tokens=10)
        PartCounts(params=15, macs=120)
    """
    return PartCounts(fan_in * fan_out + fan_out, fan_in * fan_out * tokens)


def conv(fan_in: int, channels: int, positions: int) -> PartCounts:
    """Counts a convolution with bias; `fan_in` is the number of inputs per output (kernel area x group channels).

    Example:
        >>> conv(fan_in=9, channels=8, positions=16)
        PartCounts(params=80, macs=1152)
    """
    return PartCounts(fan_in * channels + channels, fan_in * channels * positions)


def layer_norm(width: int) -> PartCounts:
    """Counts a layer normalisation with scale and shift.

    Example:
        >>> layer_norm(8)
        PartCounts(params=16, macs=0)
    """
    return PartCounts(2 * width, 0)


def block(width: int, hidden: int, tokens: int) -> PartCounts:
    """Counts a pre-norm transformer block: attention with biases and an MLP of one hidden layer.

    Queries times keys and probabilities times values take `tokens^2 * width` each, for any number of heads.

    Example:
        >>> block(width=8, hidden=16, tokens=5)
        PartCounts(params=600, macs=2960)
    """
    attention = 4 * width * width
    mlp = 2 * width * hidden
    # Biases of the four linear layers, and scale and shift of the two normalisations.
    vectors = 4 * width + hidden + width + 4 * width
    return PartCounts(attention + mlp + vectors, tokens * (attention + mlp + 2 * tokens * width))

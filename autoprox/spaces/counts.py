"""Closed forms of parameters and multiply-accumulates, from which spaces compose their counts.

A multiply-accumulate (MAC) is counted in linear layers, convolutions and the two matrix products of attention, per
image; biases, normalisations, activations, softmax and additions are not counted.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """What a network costs.

    Args:
        params: Number of trainable parameters.
        macs: Multiply-accumulates of one forward pass, per image.
        backbone_params: Parameters without patch embedding, position embedding, class token and head, so that the
            number is the same for every data set.
    """

    params: int
    macs: int
    backbone_params: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Parameters and multiply-accumulates per image of a part of a network; costs add up.

    Example:
        >>> Cost(2, 3) + Cost(10, 20)
        Cost(params=12, macs=23)
    """

    params: int = 0
    macs: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.params + other.params, self.macs + other.macs)


def linear(fan_in: int, fan_out: int, tokens: int = 1) -> Cost:
    """A linear layer with bias, applied to each of `tokens` vectors.

    Example:
        >>> linear(4, 3, tokens=10)
        Cost(params=15, macs=120)
    """
    return Cost(fan_in * fan_out + fan_out, fan_in * fan_out * tokens)


def conv(fan_in: int, channels: int, positions: int) -> Cost:
    """A convolution with bias; `fan_in` counts the inputs of one output value (kernel area x channels of its group).

    Example:
        >>> conv(fan_in=9, channels=8, positions=16)
        Cost(params=80, macs=1152)
    """
    return Cost(fan_in * channels + channels, fan_in * channels * positions)


def layer_norm(width: int) -> Cost:
    """A layer normalisation with scale and shift.

    Example:
        >>> layer_norm(8)
        Cost(params=16, macs=0)
    """
    return Cost(2 * width)


def block(width: int, hidden: int, tokens: int) -> Cost:
    """A pre-norm transformer block: attention with biases and an MLP of one hidden layer.

    Queries times keys and probabilities times values take `tokens^2 * width` each, whatever the number of heads.

    Example:
        >>> block(width=8, hidden=16, tokens=5)
        Cost(params=600, macs=2960)
    """
    attention = linear(width, 3 * width, tokens) + Cost(0, 2 * tokens * tokens * width) + linear(width, width, tokens)
    mlp = linear(width, hidden, tokens) + linear(hidden, width, tokens)
    return layer_norm(width) + attention + layer_norm(width) + mlp

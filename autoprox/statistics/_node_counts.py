"""Counts: one float per node, from the module and the shapes of its outputs."""

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import nn

Calls = Sequence[torch.Size]
"""Shapes of a node's output, one per call in the forward pass."""

Count = Callable[[nn.Module, Calls, int], float]
"""Function of the module, its calls, and the number of images that returns the count."""


def params(module: nn.Module, _calls: Calls, _images: int) -> float:
    """Elements of weight and bias.

    Example:
        >>> params(nn.Linear(3, 4), (), 0)
        16.0
    """
    return float(sum(held.numel() for held in module._parameters.values() if held is not None))


def fan_in(module: nn.Module, _calls: Calls, _images: int) -> float:
    """Inputs per output unit, as in `torch.nn.init`: input features, or channels of a group times kernel size.

    Example:
        >>> fan_in(nn.Conv2d(6, 8, 3, groups=2), (), 0)
        27.0
    """
    return float(_weight(module).numel() / _outputs(module))


def fan_out(module: nn.Module, _calls: Calls, _images: int) -> float:
    """Output features, or channels times kernel size, as in `torch.nn.init` (which ignores groups).

    Example:
        >>> fan_out(nn.Conv2d(6, 8, 3, groups=2), (), 0)
        72.0
    """
    return float(_outputs(module) * prod(_weight(module).shape[2:]))


def tokens(module: nn.Module, calls: Calls, images: int) -> float:
    """Positions of one image that the weight is applied to, summed over calls.

    Example:
        >>> tokens(nn.Linear(3, 4), [torch.Size((2, 17, 4))], 2)
        17.0
    """
    return _elements(calls) / (_outputs(module) * images)


def macs(module: nn.Module, calls: Calls, images: int) -> float:
    """Multiplications of the weight with the tokens of one image; biases are not counted.

    Example:
        >>> macs(nn.Linear(3, 4), [torch.Size((2, 17, 4))], 2)
        204.0
    """
    return tokens(module, calls, images) * _weight(module).numel()


def last_size(_module: nn.Module, calls: Calls, _images: int) -> float:
    """Size of the last dimension: the width of a token, or the number of keys of attention.

    Example:
        >>> last_size(nn.GELU(), [torch.Size((2, 17, 64))], 2)
        64.0
    """
    return float(calls[0][-1])


def norm_width(module: nn.Module, calls: Calls, _images: int) -> float:
    """Width of a token that a normalisation is applied to: the channels of a map, or the size of the last dimension.

    Example:
        >>> norm_width(nn.BatchNorm2d(3), [torch.Size((2, 3, 5, 5))], 2)
        3.0
    """
    channels = getattr(module, "num_features", getattr(module, "num_channels", None))
    return float(calls[0][-1] if channels is None else channels)


def norm_rows(module: nn.Module, calls: Calls, images: int) -> float:
    """Tokens of one image that a normalisation is applied to.

    Example:
        >>> norm_rows(nn.BatchNorm2d(3), [torch.Size((2, 3, 5, 5))], 2)
        25.0
    """
    channels = getattr(module, "num_features", getattr(module, "num_channels", None))
    return rows(module, calls, images) if channels is None else _elements(calls) / (channels * images)


def rows(_module: nn.Module, calls: Calls, images: int) -> float:
    """Vectors along the last dimension for one image: the tokens of a node that processes each token separately.

    Example:
        >>> rows(nn.GELU(), [torch.Size((2, 17, 64))], 2)
        17.0
    """
    return sum(prod(shape[:-1]) for shape in calls) / images


def maps(_module: nn.Module, calls: Calls, images: int) -> float:
    """Attention maps, `(queries, keys)` each, of one image: the number of heads.

    Example:
        >>> maps(nn.Softmax(dim=-1), [torch.Size((2, 3, 17, 17))], 2)
        3.0
    """
    return sum(prod(shape[:-2]) for shape in calls) / images


def bits(module: nn.Module, _calls: Calls, _images: int) -> float:
    """Bits per element of the weight, after quantisation or of its dtype.

    Example:
        >>> bits(nn.Linear(3, 4), (), 0)
        32.0
    """
    return _fact(module, "bits", 8.0 * _weight(module).element_size())


def quantisation_error(module: nn.Module, _calls: Calls, _images: int) -> float:
    """Squared error of a quantised weight, relative to its squared norm; 0 without quantisation.

    Example:
        >>> quantisation_error(nn.Linear(3, 4), (), 0)
        0.0
    """
    return _fact(module, "error", 0.0)


def rank(module: nn.Module, _calls: Calls, _images: int) -> float:
    """Rank of a reduced weight, or the smaller of its fans.

    Example:
        >>> rank(nn.Linear(3, 4), (), 0)
        3.0
    """
    return _fact(module, "rank", min(fan_in(module, (), 0), float(_outputs(module))))


def weight_energy(module: nn.Module, _calls: Calls, _images: int) -> float:
    """Share of the squared singular values that a weight of lower rank keeps; 1 without reduction.

    Example:
        >>> weight_energy(nn.Linear(3, 4), (), 0)
        1.0
    """
    return _fact(module, "weight_energy", 1.0)


def output_energy(module: nn.Module, _calls: Calls, _images: int) -> float:
    """Share of the squared output that a weight of lower rank keeps on the images of its space.

    Example:
        >>> output_energy(nn.Linear(3, 4), (), 0)
        1.0
    """
    return _fact(module, "output_energy", 1.0)


def _fact(module: nn.Module, name: str, otherwise: float) -> float:
    """Returns a value that `autoprox.compress` stored at a layer, or a default."""
    facts: dict[str, float] = getattr(module, "autoprox_compression", {})
    return float(facts.get(name, otherwise))


def _elements(calls: Calls) -> int:
    return sum(shape.numel() for shape in calls)


def _outputs(module: nn.Module) -> int:
    """Output features or channels: the first size of the weight, or the last in Hugging Face's transposed Conv1D."""
    return _weight(module).shape[-1 if type(module).__name__ == "Conv1D" else 0]


def _weight(module: nn.Module) -> torch.Tensor:
    weight = module.weight
    assert isinstance(weight, torch.Tensor)
    return weight

"""Effective receptive field: how far around its place the input of an output token matters."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isqrt, sqrt
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.errors import SpecError
from autoprox.base.isolation import isolated


def effective_receptive_field(model: nn.Module, images: Tensor, layer: nn.Module | None = None) -> float:
    """Spread of the squared gradient of the centre output token, in px of the input.

    The gradient with regard to a pixel is squared and summed over channels, and averaged over images. Seen as a
    distribution over pixels, it has a standard deviation along each axis; the result is their root mean square (Luo
    2016, https://arxiv.org/abs/1701.04128). It is 0 where a token sees one pixel, and NaN where it sees none. The sum
    over output channels is estimated by one random sign per channel, and is exact for one channel.

    Args:
        model: From images to any output.
        images: `(B, C, H, W)`, in single precision; random ones or real ones.
        layer: The part of the model whose output is looked at; the model itself if None. Its output is a map
            `(B, D, h, w)` or the tokens of a square map, `(B, n^2, D)`.

    Raises:
        SpecError: If the output is neither, or the layer does not run.

    Example:
        >>> pooling = nn.AvgPool2d(5, stride=1, padding=2)
        >>> round(effective_receptive_field(pooling, torch.randn(1, 1, 15, 15)) ** 2, 3)
        2.0
    """
    with isolated(), _captured(model if layer is None else layer) as outputs:
        given = images.detach().clone().requires_grad_()
        model(given)
        if not outputs:
            raise SpecError("The layer does not run when the model does. Give a part of this model.")
        centre = _centre(outputs[-1])
        signs = torch.randint(0, 2, centre.shape, device=centre.device) * 2 - 1
        (gradient,) = torch.autograd.grad((centre * signs).sum(), given, allow_unused=True, materialize_grads=True)
    density = gradient.double().square().sum(dim=(0, 1))
    density = density / density.sum()
    return sqrt((_variance(density.sum(dim=1)) + _variance(density.sum(dim=0))) / 2)


def _centre(output: Any) -> Tensor:
    """Features `(B, D)` of the token in the middle."""
    if isinstance(output, Tensor) and output.ndim == 4:
        return output[:, :, output.shape[2] // 2, output.shape[3] // 2]
    if isinstance(output, Tensor) and output.ndim == 3 and isqrt(output.shape[1]) ** 2 == output.shape[1]:
        edge = isqrt(output.shape[1])
        return output[:, edge // 2 * edge + edge // 2]
    found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    raise SpecError(f"The output must be a map (B, D, h, w) or the tokens of a square map (B, n^2, D), not {found}.")


def _variance(density: Tensor) -> float:
    places = torch.arange(len(density), dtype=density.dtype, device=density.device)
    mean = (density * places).sum()
    return float((density * (places - mean).square()).sum())


@contextmanager
def _captured(layer: nn.Module) -> Iterator[list[Any]]:
    """The outputs of a layer while it is run in the block."""
    outputs: list[Any] = []

    def keep(_module: nn.Module, _given: Any, output: Any) -> None:
        outputs.append(output)

    handle = layer.register_forward_hook(keep)
    try:
        yield outputs
    finally:
        handle.remove()

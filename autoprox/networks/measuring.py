"""Costs counted in the network itself, for spaces without a closed form."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from autoprox.base.isolation import isolated
from autoprox.base.threads import ONE_AT_A_TIME
from autoprox.spaces.task import TaskShape

T = TypeVar("T")
CPU, META = torch.device("cpu"), torch.device("meta")


def parameters_and_macs(model: nn.Module, task: TaskShape) -> tuple[int, int]:
    """Counts the parameters of a network, and the multiply-accumulates of its forward pass for one image.

    Args:
        model: The network, on whatever device; on the meta device nothing is computed.
        task: Size and channels of the image.

    Example:
        >>> parameters_and_macs(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), TaskShape(3, 8, 1))
        (195, 192)
    """
    device = next((each.device for each in model.parameters()), CPU)
    with device:
        return parameters(model), macs(model, torch.zeros(1, task.in_chans, task.img_size, task.img_size))


def macs(model: nn.Module, images: Tensor) -> int:
    """Counts the multiply-accumulates of a forward pass, half the operations that torch's own counter sees.

    Those of linear layers, convolutions and matrix products, the two of fused attention included; biases,
    normalisations, activations and softmax are not counted.

    Args:
        model: The network.
        images: `(B, C, H, W)` on its device.

    Example:
        >>> macs(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), torch.zeros(2, 1, 8, 8))
        384
    """
    counter = FlopCounterMode(display=False)
    # The counter knows neither fused attention nor torch's fused encoder layers.
    with _without_fast_path(), sdpa_kernel(SDPBackend.MATH), counter:
        model(images)
    return int(counter.get_total_flops()) // 2


@contextmanager
def _without_fast_path() -> Iterator[None]:
    """Keeps torch from the fused form of its attention and encoder layers, which belongs to the process."""
    with ONE_AT_A_TIME:
        before = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(before)


def parameters(model: nn.Module) -> int:
    """The number of trainable parameters.

    Example:
        >>> parameters(nn.Linear(4, 3))
        15
    """
    return sum(each.numel() for each in model.parameters() if each.requires_grad)


def measured(build: Callable[[], nn.Module], measure: Callable[[nn.Module], T]) -> T:
    """Builds a network and measures it, without computing anything if it can be done on the meta device.

    Args:
        build: Builds the network.
        measure: What is asked of it, which does not depend on the values of tensors.
    """
    try:
        with isolated(), META:
            return measure(build().eval())
    except (RuntimeError, TypeError, ValueError):
        # Code that asks for the value of a tensor, which has none on the meta device, meets one of these: `item` a
        # RuntimeError, NumPy and `range` a TypeError, checks of its own a ValueError. A mistake is raised again here.
        with isolated():
            return measure(build().eval())

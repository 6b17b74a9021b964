"""Costs counted in a network, for spaces without a closed form."""

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
        model: The network, on any device; on the meta device nothing is computed.
        task: Size and channels of the image.

    Example:
        >>> parameters_and_macs(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), TaskShape(3, 8, 1))
        (195, 192)
    """
    device = next((each.device for each in model.parameters()), CPU)
    with device:
        return parameters(model), macs(model, torch.zeros(1, task.in_chans, task.img_size, task.img_size))


def macs(model: nn.Module, images: Tensor) -> int:
    """Counts the multiply-accumulates of a forward pass, half the operations of torch's counter.

    Linear layers, convolutions and matrix products count, including the two products of fused attention; biases,
    normalisations, activations and softmax do not.

    Args:
        model: The network.
        images: `(B, C, H, W)` on its device.

    Example:
        >>> macs(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), torch.zeros(2, 1, 8, 8))
        384
    """
    counter = FlopCounterMode(display=False)
    # The counter does not support fused attention and torch's fused encoder layers.
    with _without_fast_path(), sdpa_kernel(SDPBackend.MATH), counter:
        model(images)
    return int(counter.get_total_flops()) // 2


@contextmanager
def _without_fast_path() -> Iterator[None]:
    """Disables the fused form of torch's attention and encoder layers, which is a setting of the process."""
    with ONE_AT_A_TIME:
        before = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(before)


def parameters(model: nn.Module) -> int:
    """Counts the parameters, also those that are not trained; shared ones count once.

    Example:
        >>> parameters(nn.Linear(4, 3))
        15
    """
    return sum(each.numel() for each in model.parameters())


def measured(build: Callable[[], nn.Module], measure: Callable[[nn.Module], T]) -> T:
    """Builds a network and measures it, on the meta device without computation if possible.

    Args:
        build: Builds the network.
        measure: Function of the network that does not depend on the values of tensors.
    """
    try:
        with isolated(), META:
            return measure(build().eval())
    except (RuntimeError, TypeError, ValueError):
        # On the meta device, code that needs values of tensors fails with one of these: `item` with RuntimeError, NumPy
        # and `range` with TypeError, checks with ValueError. Genuine errors are raised again below.
        with isolated():
            return measure(build().eval())

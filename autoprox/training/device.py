"""Devices for training."""

import torch

from autoprox.base.errors import SpecError

CPU = "cpu"


def kind_of(name: str) -> str:
    """The kind of a device, without its number.

    The kind is part of a label: another kind computes in another order and rounds differently, so that labels differ.
    Two processors of one kind may also differ in the last digits, but the processor is not part of a label.

    Args:
        name: `cpu`, `cuda` or `cuda:N`.

    Raises:
        SpecError: If the name has another form.

    Example:
        >>> kind_of("cuda:1")
        'cuda'
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SpecError(f"A device is cpu, cuda or cuda:N, not '{name}'.") from error
    if device.type not in (CPU, "cuda"):
        raise SpecError(f"A device is cpu, cuda or cuda:N, not '{name}'.")
    return device.type


def device_named(name: str) -> torch.device:
    """An available device.

    Args:
        name: `cpu`, `cuda` or `cuda:N`.

    Raises:
        SpecError: If the name has another form, or the device is unavailable.

    Example:
        >>> device_named("cpu")
        device(type='cpu')
    """
    if kind_of(name) == CPU:
        return torch.device(CPU)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    number = torch.device(name).index or 0
    if number >= count:
        found = f"torch {torch.__version__} finds {count or 'no'} CUDA device{'s' if count > 1 else ''}"
        raise SpecError(f"The device '{name}' is unavailable: {found}. Give another `device`, such as cpu.")
    return torch.device(name)

"""Device that networks are trained on."""

import torch

from autoprox.base.errors import SpecError

CPU = "cpu"


def kind_of(name: str) -> str:
    """The kind of a device, without its number.

    Labels of one kind belong together. Another kind computes in another order and rounds differently, so that its
    labels are others; between two processors of one kind the last digits may differ too, but which one is used is
    not part of a label.

    Args:
        name: `cpu`, `cuda` or `cuda:N`.

    Raises:
        SpecError: If it is not such a name.

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
    """A device that is there.

    Args:
        name: `cpu`, `cuda` or `cuda:N`.

    Raises:
        SpecError: If it is not such a name, or there is no such device.

    Example:
        >>> device_named("cpu")
        device(type='cpu')
    """
    if kind_of(name) == CPU:
        return torch.device(CPU)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    number = torch.device(name).index or 0
    if number >= count:
        found = f"torch {torch.__version__} finds {count or 'no'} CUDA device{'s' if count > 1 else ''} here"
        raise SpecError(f"There is no device '{name}': {found}. Give another `device`; cpu is always there.")
    return torch.device(name)

"""The model after a collection is the model before it, to the bit, also when the collection fails."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@contextmanager
def preserved(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Puts a model into the state that statistics are taken in, and back into the one that it had.

    Inside: evaluation mode, gradients enabled for every parameter that can have one, recorded, without autocasting.
    Afterwards as before: content and identity of parameters and buffers, the mode of every module, `requires_grad`,
    `.grad`, and the state of torch's generators.

    The modes are set module by module, because `train` and `eval` may be overridden and then do more than that (merge
    adapters, for one). Contents are compared with a copy, because writes through `.data` leave no trace elsewhere.

    Args:
        model: The model.
        device: Where it is.

    Example:
        >>> model = nn.Linear(2, 2)
        >>> with preserved(model, torch.device("cpu")):
        ...     _ = model.weight.data.zero_()
        >>> model.training, bool(model.weight.any())
        (True, True)
    """
    state = _State(model)
    with _generators_kept(device):
        try:
            with torch.inference_mode(mode=False), torch.enable_grad(), torch.autocast(device.type, enabled=False):
                state.prepare()
                yield
        finally:
            state.restore()


class _State:
    """What a collection may change of a model."""

    def __init__(self, model: nn.Module) -> None:
        self._modes = [(module, module.training) for module in model.modules()]
        held: list[dict[str, Any]] = []
        for module, _ in self._modes:
            held += [module._parameters, module._buffers]
        self._entries = [(holder, dict(holder)) for holder in held]
        tensors = {id(tensor): tensor for holder in held for tensor in holder.values() if tensor is not None}
        self._contents = [(tensor, tensor.detach().clone()) for tensor in tensors.values()]
        parameters = [tensor for tensor in tensors.values() if isinstance(tensor, nn.Parameter)]
        self._gradients = [(parameter, parameter.requires_grad, parameter.grad) for parameter in parameters]

    def prepare(self) -> None:
        """Evaluation mode, and a gradient for every parameter that can have one."""
        for module, mode in self._modes:
            if mode:
                module.training = False
        for parameter, _, _ in self._gradients:
            if parameter.is_floating_point() or parameter.is_complex():
                parameter.requires_grad_()

    def restore(self) -> None:
        """Puts back what is not as it was, and touches nothing else."""
        for module, mode in self._modes:
            if module.training is not mode:
                module.training = mode
        for holder, before in self._entries:
            _restore_entries(holder, before)
        _restore_contents(self._contents)
        for parameter, requires_grad, grad in self._gradients:
            if parameter.requires_grad is not requires_grad:
                parameter.requires_grad_(requires_grad)
            if parameter.grad is not grad:
                parameter.grad = grad


def _generators_kept(device: torch.device) -> AbstractContextManager[None]:
    """Keeps the state of the CPU's generator and of the device's."""
    if device.type == "cpu":
        return torch.random.fork_rng([])
    return torch.random.fork_rng([device], device_type=device.type)


def _restore_entries(holder: dict[str, Any], before: dict[str, Any]) -> None:
    """Puts the same objects back under the same names in the same order."""
    same = list(holder) == list(before) and all(holder[name] is before[name] for name in before)
    if not same:
        holder.clear()
        holder.update(before)


@torch.no_grad()
def _restore_contents(contents: list[tuple[Tensor, Tensor]]) -> None:
    """Writes only where something changed: a write would invalidate a graph that the caller still holds."""
    for tensor, copy in contents:
        if not _same_bits(tensor, copy):
            tensor.copy_(copy)


def _same_bits(a: Tensor, b: Tensor) -> bool:
    """Compares bits, so that NaN equals itself and 0.0 differs from -0.0."""
    bits = _BITS.get(a.element_size())
    return torch.equal(a.view(bits), b.view(bits)) if bits else torch.equal(a, b)

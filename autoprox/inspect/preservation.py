"""Preservation of a model during a collection: it is restored bit by bit, even if the collection fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from autoprox.base.isolation import DRAW_SEED, isolated
from autoprox.inspect._hidden import Hidden, can_be_kept
from autoprox.inspect._support import check_supported

_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}

Again = Callable[[bool], None]
"""Restores the state for collecting statistics; the argument is `batch_statistics` of `preserved`."""


@contextmanager
def preserved(model: nn.Module, *, batch_statistics: bool = True) -> Iterator[Again]:
    """Prepares a model for collecting statistics, and restores it afterwards.

    Inside, the model is in evaluation mode, gradients are enabled for every parameter that supports them, and the
    computation is isolated (`autoprox.base.isolation`). Restored are content and identity of parameters and buffers,
    attributes and tensors of hooks (`autoprox.inspect._hidden`), the mode of every module, `requires_grad`, `.grad`,
    and the state of torch's generators.

    An untrained batch normalisation does not normalise in evaluation mode, so the output grows or the gradients vanish
    from layer to layer. As long as its running statistics have their initial values, zeros and ones, it uses the
    statistics of the batch if a channel has more than one value; the running statistics are unchanged.

    Modes are set module by module, because `train` and `eval` may be overridden with side effects, such as merging
    adapters. Contents are compared with a copy, because writes through `.data` leave no other trace.

    Args:
        model: The model.
        batch_statistics: Lets untrained batch normalisations use the statistics of the batch.

    Yields:
        A function that restores the initial state.

    Raises:
        CollectionError: If the model cannot be inspected (`autoprox.inspect._support`).

    Example:
        >>> model = nn.Linear(2, 2)
        >>> with preserved(model):
        ...     _ = model.weight.data.zero_()
        >>> model.training, bool(model.weight.any())
        (True, True)
    """
    check_supported(model)
    first = next((each for each in model.parameters() if each.is_floating_point()), torch.empty(0))
    with isolated(first.device, first.dtype):
        state = _State(model)

        def again(batch_statistics: bool) -> None:
            state.restore()
            state.prepare(batch_statistics)

        try:
            state.prepare(batch_statistics)
            yield again
        finally:
            state.restore()


class _State:
    """Saved state of a model that a collection may change."""

    def __init__(self, model: nn.Module) -> None:
        self._modes = [(module, module.training) for module in model.modules()]
        self._hidden = Hidden(model)
        held: list[dict[str, Any]] = []
        for module, _ in self._modes:
            held += [module._parameters, module._buffers]
        self._entries = [(holder, dict(holder)) for holder in held]
        tensors = {id(tensor): tensor for holder in held for tensor in holder.values() if tensor is not None}
        parameters = [tensor for tensor in tensors.values() if isinstance(tensor, nn.Parameter)]
        tensors |= {id(tensor): tensor for tensor in self._hidden.tensors if can_be_kept(tensor)}
        self._contents = [(tensor, tensor.detach().clone()) for tensor in tensors.values()]
        self._gradients = [(parameter, parameter.requires_grad, parameter.grad) for parameter in parameters]
        self._untrained = [module for module, _ in self._modes if _is_untrained(module)]
        self._hooks: list[RemovableHandle] = []

    def prepare(self, batch_statistics: bool) -> None:
        """Sets evaluation mode, and enables gradients for every parameter that supports them."""
        torch.default_generator.manual_seed(DRAW_SEED)
        for module, mode in self._modes:
            if mode:
                module.training = False
        for parameter, _, _ in self._gradients:
            if parameter.is_floating_point() or parameter.is_complex():
                parameter.requires_grad_()
        if batch_statistics:
            for norm in self._untrained:
                self._hooks += _with_batch_statistics(norm)

    def restore(self) -> None:
        """Restores everything that changed, without touching anything else."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        for module, mode in self._modes:
            if module.training is not mode:
                module.training = mode
        for holder, before in self._entries:
            _restore_entries(holder, before)
        self._hidden.restore()
        _restore_contents(self._contents)
        for parameter, requires_grad, grad in self._gradients:
            if parameter.requires_grad is not requires_grad:
                parameter.requires_grad_(requires_grad)
            if parameter.grad is not grad:
                parameter.grad = grad


def _is_untrained(module: nn.Module) -> bool:
    """True if a module is a batch normalisation with its initial running statistics."""
    if not isinstance(module, nn.modules.batchnorm._BatchNorm):
        return False
    mean, variance = module._buffers.get("running_mean"), module._buffers.get("running_var")
    return mean is not None and variance is not None and bool((mean == 0).all()) and bool((variance == 1).all())


def _with_batch_statistics(norm: nn.Module) -> list[RemovableHandle]:
    """Hides the running statistics of a normalisation, except for inputs with a single value per channel."""
    own = {name: norm._buffers[name] for name in ("running_mean", "running_var")}
    nothing = dict.fromkeys(own)

    def before(module: nn.Module, given: tuple[Any, ...]) -> None:
        single = bool(given) and given[0].numel() == given[0].shape[1]
        module._buffers.update(own if single else nothing)

    def behind(module: nn.Module, _given: Any, _output: Any) -> None:
        module._buffers.update(nothing)

    norm._buffers.update(nothing)
    return [norm.register_forward_pre_hook(before), norm.register_forward_hook(behind)]


def _restore_entries(holder: dict[str, Any], before: dict[str, Any]) -> None:
    """Restores the same objects under the same names in the same order."""
    same = list(holder) == list(before) and all(holder[name] is before[name] for name in before)
    if not same:
        holder.clear()
        holder.update(before)


@torch.no_grad()
def _restore_contents(contents: list[tuple[Tensor, Tensor]]) -> None:
    """Writes only changed contents: a write would invalidate a graph that the caller still uses."""
    for tensor, copy in contents:
        if not _same_bits(tensor, copy):
            tensor.copy_(copy)


def _same_bits(a: Tensor, b: Tensor) -> bool:
    """Compares bits, so that NaN equals itself and 0.0 differs from -0.0."""
    bits = _BITS.get(a.element_size())
    return torch.equal(a.view(bits), b.view(bits)) if bits else torch.equal(a, b)

"""Preservation of a model during a collection: it is restored bit by bit, even if the collection fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from autoprox.base.isolation import DRAW_SEED, isolated
from autoprox.inspect._snapshot import Snapshot
from autoprox.inspect._support import check_supported

Again = Callable[[], None]
"""Puts the model back into the state that statistics are taken in."""


@contextmanager
def preserved(model: nn.Module) -> Iterator[Again]:
    """Puts a model into the state that statistics are taken in, and back into the one that it had.

    Inside: evaluation mode, gradients enabled for every parameter that can have one, and nothing around it that could
    change a value (`autoprox.base.isolation`). Afterwards as before: all that modules and their hooks hold
    (`autoprox.inspect._snapshot`), and the state of torch's generators. What is changed inside, and the hooks that are
    registered there, need no undoing.

    The modes are set module by module, because `train` and `eval` may be overridden and then do more than that (merge
    adapters, for one).

    Args:
        model: The model.

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
        before = Snapshot(model)

        def prepare() -> None:
            torch.default_generator.manual_seed(DRAW_SEED)
            for module in model.modules():
                if module.training:
                    module.training = False
                for parameter in module._parameters.values():
                    if parameter is None or parameter.requires_grad:
                        continue
                    if parameter.is_floating_point() or parameter.is_complex():
                        parameter.requires_grad_()

        def again() -> None:
            before.restore()
            prepare()

        try:
            prepare()
            yield again
        finally:
            before.restore()


def use_batch_statistics(model: nn.Module) -> None:
    """Lets untrained batch normalisations take the statistics of the batch; to be called while a model is `preserved`.

    A batch normalisation that has never been trained normalises nothing in evaluation mode, so that the output grows or
    the gradients vanish from layer to layer. While its running statistics are those that it was made with, zeros and
    ones, it takes those of the batch, wherever a channel has more than one value; its own are not touched.

    Example:
        >>> norm, batch = nn.BatchNorm1d(1), torch.tensor([[1.0], [3.0]])
        >>> with preserved(norm):
        ...     use_batch_statistics(norm)
        ...     [round(value, 2) for value in norm(batch)[:, 0].tolist()]
        [-1.0, 1.0]
    """
    for norm in model.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            own = {name: norm._buffers.get(name) for name in ("running_mean", "running_var")}
            mean, variance = own.values()
            if mean is not None and variance is not None and not mean.any() and (variance == 1).all():
                _hide(norm, own)


def _hide(norm: nn.Module, own: dict[str, Tensor | None]) -> None:
    """Hides the running statistics from a normalisation; of a single value per channel there are no others."""
    nothing = dict.fromkeys(own)
    norm._buffers.update(nothing)
    norm.register_forward_pre_hook(
        lambda _, given: norm._buffers.update(own if given and given[0].numel() == given[0].shape[1] else nothing)
    )
    norm.register_forward_hook(lambda *_: norm._buffers.update(nothing))

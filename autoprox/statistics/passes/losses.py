"""Losses that a pass differentiates: the checked loss of the labels, or the sum of the output."""

from typing import Any

import torch
from torch import Tensor

from autoprox.base.errors import CollectionError
from autoprox.inspect.batch import check_logits, logits_of
from autoprox.statistics.statistic import BatchLoss

_SINGLE = 4
# Bytes of a float32; narrower logits are widened, because exponentials and sums are too inaccurate in them.


def loss_value(output: Any, labels: Any, loss: BatchLoss | None) -> Tensor:
    """Computes the loss and checks that it can be differentiated.

    Raises:
        CollectionError: If the loss cannot be differentiated.
    """
    if loss is None:
        logits = logits_of(output)
        check_logits(logits, labels)
        value = cross_entropy(logits, labels)
    else:
        value = loss(output, labels)
    if not isinstance(value, Tensor) or value.numel() != 1:
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise CollectionError(f"The loss is {got}; it must be a tensor with one element.")
    if not value.requires_grad:
        raise CollectionError("The loss does not depend on the parameters; run the model without torch.no_grad.")
    if not torch.isfinite(value):
        raise CollectionError(
            f"The loss is {value.item()} although the images are finite: the model overflows or has such "
            f"parameters. Check its parameters, or use a wider dtype than {value.dtype}."
        )
    return value


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy of logits `(B, num_classes)` and class indices `(B,)`, in float32 or wider.

    Example:
        >>> cross_entropy(torch.zeros(2, 4), torch.tensor([0, 3]))
        tensor(1.3863)
    """
    return torch.nn.functional.cross_entropy(_widened_output(logits), labels)


def output_sum(output: Any, _labels: Any) -> Tensor:
    """Sum of the logits, which are the output or, as in models of Hugging Face, its `logits`.

    Raises:
        CollectionError: If there are no logits.

    Example:
        >>> output_sum(torch.ones(1, 5), None)
        tensor(5.)
    """
    logits = logits_of(output)
    if not isinstance(logits, Tensor):
        raise CollectionError(
            f"The model's output is a {type(output).__name__} without logits; statistics of the virtual and "
            "the synflow pass need an output that is a tensor or has the attribute 'logits'."
        )
    return _widened_output(logits).sum()


def _widened_output(output: Tensor) -> Tensor:
    return output.float() if output.itemsize < _SINGLE else output

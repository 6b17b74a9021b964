"""Function that a pass differentiates: the loss of the labels, checked, or the sum of the output."""

from typing import Any

import torch
from torch import Tensor

from autoprox.base.errors import CollectionError
from autoprox.inspect.batch import check_logits, logits_of
from autoprox.statistics.statistic import BatchLoss

_SINGLE = 4
# Bytes of a float32: narrower logits are widened, for exponentials and sums lose too much in them.


def loss_value(output: Any, labels: Any, loss: BatchLoss | None) -> Tensor:
    """The loss, checked to be something that can be differentiated.

    Raises:
        CollectionError: If it is not.
    """
    if loss is None:
        logits = logits_of(output)
        check_logits(logits, labels)
        value = cross_entropy(logits, labels)
    else:
        value = loss(output, labels)
    if not isinstance(value, Tensor) or value.numel() != 1:
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise CollectionError(f"The loss is {got}; it has to be a tensor of one element.")
    if not value.requires_grad:
        raise CollectionError("The loss does not depend on the parameters; does the model compute under torch.no_grad?")
    if not torch.isfinite(value):
        raise CollectionError(
            f"The loss is {value.item()} though the images are finite: the model overflows or holds such values. "
            f"Look at its parameters, or compute in a wider dtype than {value.dtype}."
        )
    return value


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy of logits `(B, num_classes)`, of class indices `(B,)`; in float32 at least.

    Example:
        >>> cross_entropy(torch.zeros(2, 4), torch.tensor([0, 3]))
        tensor(1.3863)
    """
    return torch.nn.functional.cross_entropy(_widened_output(logits), labels)


def output_sum(output: Any, _labels: Any) -> Tensor:
    """Sum of the logits; where the output is not a tensor, of its `logits`, as in models of Hugging Face.

    Raises:
        CollectionError: If there are no logits.

    Example:
        >>> output_sum(torch.ones(1, 5), None)
        tensor(5.)
    """
    logits = logits_of(output)
    if not isinstance(logits, Tensor):
        raise CollectionError(
            f"The model's output is a {type(output).__name__} without logits, so there is nothing to sum; statistics "
            f"of the virtual and the synflow pass need a model whose output is a tensor or has the attribute 'logits'."
        )
    return _widened_output(logits).sum()


def _widened_output(output: Tensor) -> Tensor:
    return output.float() if output.itemsize < _SINGLE else output

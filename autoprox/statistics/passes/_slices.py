"""Gradients of parts of the batch, one part after the other."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.errors import CollectionError
from autoprox.inspect.batch import check_classes, logits_of
from autoprox.inspect.preservation import preserved
from autoprox.statistics._spread import Spread
from autoprox.statistics.passes._node_weights import at_nodes, node_weights
from autoprox.statistics.passes.losses import loss_value
from autoprox.statistics.statistic import Given, Observation, Pass, Values

BATCH_PARTS = 2
"""Number of parts of a batch for statistics of several batches, as in ZiCo's experiments."""


def run_batches(_pass: Pass, given: Given, wanted: Sequence[Observation]) -> Values:
    """Computes gradients of `BATCH_PARTS` consecutive parts of the batch; sizes differ by at most one."""
    weights = node_weights(given)
    sizes = [len(part) for part in torch.tensor_split(given.images, BATCH_PARTS)]
    ends = torch.tensor(sizes).cumsum(0).tolist()
    spreads = spread_over(given, weights, [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)])
    return spreads_taken(given, weights, spreads, wanted)


def spread_over(given: Given, weights: Sequence[nn.Parameter], cuts: Iterable[slice]) -> list[Spread]:
    """Computes the spread of each weight's gradient over slices of the batch, with one pass per slice."""
    spreads = [Spread() for _ in weights]
    for cut in cuts:
        images, labels = given.images[cut], labels_at(given, cut)
        # Each slice starts from the original model, because a forward pass may change it.
        with preserved(given.model):
            output = given.model(images.clone())
            logits = logits_of(output)
            if given.loss is None and isinstance(logits, Tensor) and logits.ndim:
                check_classes(given.labels, logits.shape[-1])  # all labels, so that the message names the image
            loss = loss_value(output, labels, given.loss)
            gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        for weight, gradient, spread in zip(weights, gradients, spreads, strict=True):
            spread.add((torch.zeros_like(weight) if gradient is None else gradient).detach()[None])
    return spreads


def labels_at(given: Given, cut: slice) -> Any:
    """Returns the labels of a slice of the batch.

    Raises:
        CollectionError: If labels for a custom loss cannot be sliced.
    """
    labels = given.labels
    if labels is None:
        return None
    if isinstance(labels, Tensor | list | tuple) and len(labels) == len(given.images):
        return labels[cut]
    raise CollectionError(
        f"The labels are a {type(labels).__name__}, which cannot be divided into parts of the batch; give a "
        f"tensor, list or tuple with one entry for each of the {len(given.images)} images, or None."
    )


def spreads_taken(
    given: Given, weights: Sequence[nn.Parameter], spreads: Sequence[Spread], wanted: Sequence[Observation]
) -> Values:
    """Returns the statistics of the spreads, in the dtype of the weights."""
    found: Values = {}
    for each in wanted:
        assert each.spread is not None
        values = [each.spread(spread).to(weight.dtype) for weight, spread in zip(weights, spreads, strict=True)]
        found[each.name] = at_nodes(given, weights, values)
    return found

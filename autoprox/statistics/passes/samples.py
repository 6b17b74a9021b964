"""Gradients of single images: many at once by torch.func, or one after the other where that cannot be done."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from autoprox.inspect.batch import logits_of
from autoprox.inspect.preservation import preserved
from autoprox.statistics._spread import Spread
from autoprox.statistics.passes._node_weights import node_weights
from autoprox.statistics.passes._slices import spread_over, spreads_taken
from autoprox.statistics.passes.losses import cross_entropy
from autoprox.statistics.statistic import BatchLoss, Given, Pass, Statistic, Values

CHUNK_ELEMENTS = 2**24
"""Gradients that are held at once, counted in elements: 64 MiB in float32."""


def run_samples(_pass: Pass, given: Given, wanted: Sequence[Statistic]) -> Values:
    """The gradients of each image's own loss.

    A model that torch.func does not take (because it branches on values, writes into tensors of its own, or has an
    operation without a batched form) is run image by image. So is one that fails, which then says why.
    """
    weights = node_weights(given)
    chunk = CHUNK_ELEMENTS // sum(weight.numel() for weight in weights)
    spreads = _vectorised(given, weights, chunk) if chunk > 1 else None
    if spreads is None:
        cuts = [slice(index, index + 1) for index in range(len(given.images))]
        spreads = spread_over(given, weights, cuts)
    return spreads_taken(given, weights, spreads, wanted)


def _vectorised(given: Given, weights: Sequence[nn.Parameter], chunk: int) -> list[Spread] | None:
    """The spreads of the gradients, `chunk` images at a time; None if that cannot be done, or a loss is not finite."""
    model, labels = given.model, given.labels
    if not (labels is None or (isinstance(labels, Tensor) and labels.shape[:1] == given.images.shape[:1])):
        return None
    loss_of: BatchLoss = given.loss or cross_entropy
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    held = {name: tensor.detach() for name, tensor in (*model.named_parameters(), *model.named_buffers())}

    def loss(chosen: dict[str, Tensor], image: Tensor, label: Tensor | None) -> Tensor:
        output = functional_call(model, {**held, **chosen}, (image[None],))
        if given.loss is None:
            output = logits_of(output)
            if not isinstance(output, Tensor) or output.ndim != 2 or output.shape[1] == 1:
                raise TypeError("no logits of several classes")  # which is said image by image
        return loss_of(output, None if label is None else label[None])

    gradients = vmap(grad_and_value(loss), in_dims=(None, 0, None if labels is None else 0))
    spreads = [Spread() for _ in weights]
    for start in range(0, len(given.images), chunk):
        cut = slice(start, start + chunk)
        try:
            # Fused attention has no batched form; torch's plain form of the same function has.
            with preserved(model), sdpa_kernel(SDPBackend.MATH), _fallbacks_unsaid():
                chosen = {names[id(weight)]: weight.detach() for weight in weights}
                images = given.images[cut].clone()
                found, losses = gradients(chosen, images, None if labels is None else labels[cut])
        except (RuntimeError, TypeError, ValueError, IndexError):
            return None
        if not torch.isfinite(losses).all():
            return None
        for weight, spread in zip(weights, spreads, strict=True):
            spread.add(found[names[id(weight)]])
    return spreads


@contextmanager
def _fallbacks_unsaid() -> Iterator[None]:
    """An operation that torch runs once an image is slower, which is nothing that a user could change."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="There is a performance drop")
        yield

"""Gradients of single images: many at once with torch.func, or otherwise one by one."""

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
from autoprox.statistics.statistic import BatchLoss, Given, Observation, Pass, Values

CHUNK_ELEMENTS = 2**24
"""Limit of the elements of all gradients held at once: 64 MiB in float32."""


def run_samples(_pass: Pass, given: Given, wanted: Sequence[Observation]) -> Values:
    """Computes the gradients of the loss of each image.

    A model that torch.func does not support (because it branches on values, writes into its tensors, or has an
    operation without a batched form) is run image by image. A failing model is also run image by image, which gives the
    reason.
    """
    weights = node_weights(given)
    chunk = CHUNK_ELEMENTS // sum(weight.numel() for weight in weights)
    spreads = _vectorised(given, weights, chunk) if chunk > 1 else None
    if spreads is None:
        cuts = [slice(index, index + 1) for index in range(len(given.images))]
        spreads = spread_over(given, weights, cuts)
    return spreads_taken(given, weights, spreads, wanted)


def _vectorised(given: Given, weights: Sequence[nn.Parameter], chunk: int) -> list[Spread] | None:
    """Computes the spreads for `chunk` images at a time; None if that is unsupported, or a loss is not finite."""
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
                raise TypeError("no logits of several classes")  # the message comes from the run image by image
        return loss_of(output, None if label is None else label[None])

    gradients = vmap(grad_and_value(loss), in_dims=(None, 0, None if labels is None else 0))
    spreads = [Spread() for _ in weights]
    for start in range(0, len(given.images), chunk):
        cut = slice(start, start + chunk)
        try:
            # Fused attention has no batched form, but torch's unfused implementation does.
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
    """Hides torch's warning about operations that run once per image, which a user cannot change."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="There is a performance drop")
        yield

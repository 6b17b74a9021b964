"""Checks and preparation of a model and a batch, for statistics, function proxies, and exported files."""

from collections.abc import Callable, Container, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.errors import CollectionError
from autoprox.inspect.batch import checked_images, checked_labels, model_weight, own_labels
from autoprox.inspect.nodes import Node, Site, check_told
from autoprox.inspect.roles import hidden_attention
from autoprox.statistics.statistic import BatchLoss, Given, Statistic

Finder = Callable[[nn.Module, Callable[[Tensor], Tensor]], list[Node]]
"""Function of a model and a source of images that returns the nodes, like `autoprox.inspect.find_nodes`."""


def prepare(
    model: nn.Module,
    images: Any,
    labels: Any,
    wanted: Sequence[Statistic],
    loss: BatchLoss | None,
    find: Finder,
    *,
    told: Container[Site],
    batch: bool,
) -> Given:
    """Finds the nodes of a model, and checks the batch.

    Args:
        model: Any module.
        images: `(B, C, H, W)`, array or tensor, of the model's dtype; a tensor must be on the model's device.
        labels: `(B,)` class indices, or the labels of a custom loss; None if no statistic depends on them.
        wanted: The requested statistics.
        loss: Custom loss, or None for the mean cross entropy.
        find: Finds the nodes, like `autoprox.inspect.find_nodes`.
        told: Sites where the role of every node must be known.
        batch: True if the model will be run; otherwise images and labels are not checked.

    Raises:
        CollectionError: If the model has no linear layer, a necessary role is unknown, or images or labels do not fit
            it.
    """
    given = prepare_nodes(model, images, find, told=told)
    check_attention(given, wanted)
    return prepare_batch(given, images, labels, wanted, loss) if batch else given


def prepare_nodes(model: nn.Module, images: Any, find: Finder, *, told: Container[Site]) -> Given:
    """Finds the nodes of a model, without a batch. The arguments are those of `prepare`.

    Raises:
        CollectionError: If the model has no linear layer, or a necessary role is unknown.
    """
    found = find(model, lambda weight: checked_images(images, weight))
    check_told(found, told)
    given = Given(model, found, torch.empty(0), None, None)
    if not given.at(Site.LINEAR):
        raise CollectionError(
            f"The {type(model).__name__} has no Linear and no Conv2d, so it has no statistics; give the "
            "network itself, not a part of it or a wrapper that hides it."
        )
    return given


def prepare_batch(given: Given, images: Any, labels: Any, wanted: Sequence[Statistic], loss: BatchLoss | None) -> Given:
    """Checks a batch and adds it to the nodes of a model. The arguments are those of `prepare`.

    Raises:
        CollectionError: If images or labels do not fit the model.
    """
    inputs = batch_of(given, images)
    if loss is not None:
        labels = own_labels(labels, inputs)
    elif labels is not None or any(each.needs_labels for each in wanted):
        labels = checked_labels(labels, inputs)
    return Given(given.model, given.nodes, inputs, labels, loss)


def batch_of(given: Given, images: Any) -> Tensor:
    """Converts images to the input of the model.

    Raises:
        CollectionError: If the images do not fit the model.
    """
    return checked_images(images, model_weight(given.at(Site.LINEAR)[0].module))


def needs_batch(wanted: Sequence[Statistic]) -> bool:
    """Returns True if the model must be run for these statistics."""
    return any(each.pass_.least_images for each in wanted)


def check_attention(given: Given, wanted: Sequence[Statistic]) -> None:
    """Checks that all attention exposes its probabilities, if they are requested; a part of them would be misleading.

    Raises:
        CollectionError: If an attention does not expose them.
    """
    model, statistic = given.model, next((each for each in wanted if each.site is Site.ATTENTION), None)
    if statistic is None:
        return
    # The name of a call starts with the name of the module that computes the attention.
    hidden = hidden_attention(model, [node.name.partition(":")[0] for node in given.at(Site.ATTENTION)])
    if hidden is not None:
        raise CollectionError(
            f"The statistic '{statistic.name}' is not available: the {type(model.get_submodule(hidden)).__name__} "
            f"'{hidden}' exposes neither its attention probabilities nor queries and keys to compute them. "
            "Let it use torch.nn.functional.scaled_dot_product_attention or a softmax, choose a proxy "
            "without attention, or declare another role than attention if it is not attention."
        )

"""Checks and preparation of a model and a batch, for statistics, function proxies, and exported files."""

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.errors import CollectionError
from autoprox.inspect.batch import checked_images, checked_labels, model_weight, own_labels
from autoprox.inspect.finding import Look, called_with_roles, nodes_of
from autoprox.inspect.nodes import Site, check_told
from autoprox.inspect.roles import hidden_attention
from autoprox.statistics.statistic import BatchLoss, Given, Statistic


def prepare(
    model: nn.Module,
    images: Any,
    labels: Any,
    wanted: Sequence[Statistic],
    loss: BatchLoss | None,
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
        told: Sites where the role of every node must be known.
        batch: True if the model will be run; otherwise images and labels are not checked.

    Raises:
        CollectionError: If the model has no linear layer, a necessary role is unknown, or images or labels do not fit
            it.
    """
    given = prepare_nodes(model, images, called_with_roles)
    check_told(given.nodes, told)
    for each in wanted:
        if each.site is Site.ATTENTION:
            check_attention(given, each.name)
    if not batch:
        return given
    if loss is None and labels is None and not any(each.needs_labels for each in wanted):
        return with_images(given, images)
    return with_labels(with_images(given, images), labels, loss)


def prepare_nodes(model: nn.Module, images: Any, look: Look) -> Given:
    """Finds the nodes of a model, without a batch.

    Args:
        model: Any module.
        images: As for `prepare`.
        look: Runs the model, and gives the nodes that it calls.

    Raises:
        CollectionError: If the model has no linear layer.
    """
    nodes = nodes_of(model, lambda weight: checked_images(images, weight), look)
    given = Given(model, nodes, torch.empty(0), None, None)
    if not given.at(Site.LINEAR):
        raise CollectionError(
            f"The {type(model).__name__} has no Linear and no Conv2d, so it has no statistics; give the "
            "network itself, not a part of it or a wrapper that hides it."
        )
    return given


def with_images(given: Given, images: Any) -> Given:
    """Converts images to the input of the model, and adds them.

    Raises:
        CollectionError: If the images do not fit the model.
    """
    return replace(given, images=checked_images(images, model_weight(given.at(Site.LINEAR)[0].module)))


def with_labels(given: Given, labels: Any, loss: BatchLoss | None) -> Given:
    """Adds labels, and what is differentiated.

    Raises:
        CollectionError: If they do not fit the images.
    """
    labels = checked_labels(labels, given.images) if loss is None else own_labels(labels, given.images)
    # What was made in the caller's inference mode can take no part in a backward pass; a copy can.
    return replace(given, labels=labels.clone() if isinstance(labels, Tensor) else labels, loss=loss)


def needs_batch(wanted: Sequence[Statistic]) -> bool:
    """Returns True if the model must be run for these statistics."""
    return any(each.pass_.least_images for each in wanted)


def check_attention(given: Given, name: str) -> None:
    """Checks that all attention exposes its probabilities, for a statistic of them; a part would be misleading.

    Args:
        given: The nodes of a model.
        name: The statistic.

    Raises:
        CollectionError: If an attention does not expose them.
    """
    model = given.model
    # The name of a call starts with the name of the module that computes the attention.
    hidden = hidden_attention(model, [node.name.partition(":")[0] for node in given.at(Site.ATTENTION)])
    if hidden is not None:
        raise CollectionError(
            f"The statistic '{name}' is not available: the {type(model.get_submodule(hidden)).__name__} "
            f"'{hidden}' exposes neither its attention probabilities nor queries and keys to compute them. "
            "Let it use torch.nn.functional.scaled_dot_product_attention or a softmax, choose a proxy "
            "without attention, or declare another role than attention if it is not attention."
        )

"""A model and a batch, checked and made ready: the same for statistics, for functions, and in exported files."""

from collections.abc import Callable, Container, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.errors import CollectionError
from autoprox.inspect.batch import checked_images, checked_labels, model_weight, own_labels
from autoprox.inspect.nodes import Node, Site, check_told
from autoprox.inspect.roles import hidden_attention
from autoprox.statistics.statistic import BatchLoss, Given, Statistic


def prepare(
    model: nn.Module,
    images: Any,
    labels: Any,
    wanted: Sequence[Statistic],
    loss: BatchLoss | None,
    find: Callable[[nn.Module, Callable[[Tensor], Tensor]], list[Node]],
    *,
    told: Container[Site],
    batch: bool,
) -> Given:
    """Finds the nodes of a model, and checks the batch.

    Args:
        model: Any module.
        images: `(B, C, H, W)`, array or tensor, of the model's dtype; a tensor has to be on the model's device.
        labels: `(B,)` class indices; with a loss of the caller's own, whatever that takes; None where nothing that is
            wanted depends on them.
        wanted: Statistics that will be taken.
        loss: The caller's own loss, or None for the mean cross entropy.
        find: Finds the nodes, as `autoprox.inspect.find_nodes` does.
        told: Sites of which the role of every node has to be known.
        batch: Whether the model will be run; if not, images and labels are not looked at.

    Raises:
        CollectionError: If the model has no linear layer, if a role is not known that has to be, or if images or labels
            do not fit it.
    """
    found = find(model, lambda weight: checked_images(images, weight))
    check_told(found, told)
    given = Given(model, found, torch.empty(0), None, loss)
    check_sites(given, wanted)
    if not batch:
        return given
    inputs = checked_images(images, model_weight(given.at(Site.LINEAR)[0].module))
    if loss is not None:
        labels = own_labels(labels, inputs)
    elif labels is not None or any(each.needs_labels for each in wanted):
        labels = checked_labels(labels, inputs)
    return Given(model, found, inputs, labels, loss)


def needs_batch(wanted: Sequence[Statistic]) -> bool:
    """Whether anything has to be run for these statistics."""
    return any(each.pass_.least_images for each in wanted)


def check_sites(given: Given, wanted: Sequence[Statistic]) -> None:
    """Checks that the model has linear nodes, and that attention, where it is asked of, can be seen."""
    model = given.model
    if not given.at(Site.LINEAR):
        raise CollectionError(
            f"The {type(model).__name__} has no Linear and no Conv2d, so there is nothing to take statistics of; "
            f"give the network itself, not a part or a wrapper that hides it."
        )
    attention = next((each for each in wanted if each.site is Site.ATTENTION), None)
    if attention is not None:
        _check_attention(model, given.at(Site.ATTENTION), attention)


def _check_attention(model: nn.Module, found: Sequence[Node], wanted: Statistic) -> None:
    """Checks that every attention shows its probabilities: those of some alone would be a guess at the model."""
    # The name of a call begins with that of the module that computes the attention.
    hidden = hidden_attention(model, [node.name.partition(":")[0] for node in found])
    if hidden is not None:
        raise CollectionError(
            f"The statistic '{wanted.name}' is not available: the {type(model.get_submodule(hidden)).__name__} "
            f"'{hidden}' shows neither its attention probabilities nor queries and keys from which they could be "
            "computed. Let it use torch.nn.functional.scaled_dot_product_attention or a softmax, choose a proxy "
            "without attention, or declare another role than attention if it was not."
        )

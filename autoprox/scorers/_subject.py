"""A model and a batch, prepared for measurements by functions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from autoprox.base.digest import derived_seed
from autoprox.base.errors import UndefinedScoreError
from autoprox.inspect.batch import check_classes, checked_labels, logits_of
from autoprox.inspect.nodes import Node, Role, Site, check_told
from autoprox.inspect.preservation import preserved, use_batch_statistics
from autoprox.statistics import STATISTICS, BatchLoss, Collection
from autoprox.statistics.collection import collect_prepared
from autoprox.statistics.passes.losses import output_sum
from autoprox.statistics.preparation import prepare
from autoprox.statistics.statistic import Given

T = TypeVar("T")


class Subject:
    """A model and a batch, prepared for measurements by `prepared`.

    Until the end of `prepared`, the model is in evaluation mode, and gradients are recorded for all of its parameters.
    All changes of a proxy to the model are undone afterwards.

    Attributes:
        model: The model.
        nodes: Its nodes, in forward order.
        images: Checked images `(B, C, H, W)`.
        labels: Checked class indices `(B,)`; the labels as given for a custom loss; None if not given.
        loss: The custom loss, or None for the mean cross entropy.
    """

    def __init__(self, given: Given) -> None:
        self._given = given
        self.model = given.model
        self.nodes = given.nodes
        self.images = given.images
        self.labels = given.labels
        self.loss = given.loss
        self._shared: dict[Callable[[Subject], Any], Any] = {}

    @property
    def classes(self) -> Tensor:
        """The labels as class indices `(B,)`, regardless of the loss.

        Raises:
            CollectionError: If the labels are not class indices, or not among the classes of the model.
        """
        labels = checked_labels(self.labels, self.images)
        check_classes(labels, self.once(_class_count))
        return labels

    def at(self, site: Site, *roles: Role) -> list[Node]:
        """The nodes of a site with the given roles, or with any role if none is given.

        Raises:
            CollectionError: If roles are given, and the role of a node at the site is unknown.
            UndefinedScoreError: If there is no such node.
        """
        if roles:
            check_told(self.nodes, {site})
        found = [node for node in self.nodes if node.site is site and (not roles or node.role in roles)]
        if not found:
            role = f" of the role {' or '.join(roles)}" if roles else ""
            raise UndefinedScoreError(f"autoprox finds no {site} nodes{role} in the {type(self.model).__name__}.")
        return found

    def once(self, function: Callable[["Subject"], T]) -> T:
        """Result of a function for this subject, computed once and shared.

        Proxies that are computed together share intermediate results, such as the Jacobian of the images or the tokens
        after each block. Never modify the result in place.
        """
        if function not in self._shared:
            self._shared[function] = function(self)
        value: T = self._shared[function]
        return value

    def output_sum(self, images: Tensor) -> Tensor:
        """Sum of the logits of images, the target of Jacobians without labels.

        Raises:
            CollectionError: If the model's output has no logits.
        """
        return output_sum(self.model(images), None)

    def collect(self, *names: str) -> Collection:
        """Statistics of the model on the batch.

        Raises:
            CollectionError: If they cannot be collected.
            UndefinedScoreError: If the model has no nodes for one of them.
        """
        for site in {STATISTICS[name].site for name in names}:
            self.at(site)
        return collect_prepared(self._given, names)

    def noise(self, purpose: str, like: Tensor) -> Tensor:
        """Gaussian noise in the shape of a tensor, with the same draw for every model."""
        generator = torch.Generator().manual_seed(derived_seed("zoo", purpose))
        return torch.randn(like.shape, generator=generator, dtype=torch.float32).to(like)


@torch.no_grad()
def _class_count(subject: Subject) -> int | None:
    """Number of classes of the model; None for a single logit (two classes), and for outputs other than logits."""
    logits = logits_of(subject.model(subject.images[:1]))
    several = isinstance(logits, Tensor) and logits.ndim == 2 and logits.shape[1] > 1
    return logits.shape[1] if several else None


@contextmanager
def prepared(model: nn.Module, images: Any, labels: Any, loss: BatchLoss | None = None) -> Iterator[Subject]:
    """Checks a batch and prepares a model; restores the model afterwards, bit by bit.

    Args:
        model: A module with nodes of known roles, declared or detected (`autoprox.inspect.find_nodes`).
        images: Batch, shape `(B, C, H, W)`, torch or NumPy.
        labels: Class indices, shape `(B,)`; None if no proxy reads labels.
        loss: Loss of backward passes; the mean cross entropy by default.

    Raises:
        CollectionError: If images or labels do not fit this model, or it has no linear layer.
    """
    with preserved(model):
        use_batch_statistics(model)
        given = prepare(model, images, labels, (), loss, told=(), batch=True)
        yield Subject(replace(given, images=given.images.clone()))

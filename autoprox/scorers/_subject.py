"""A model and a batch, ready to be looked at by functions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from autoprox.base.digest import derived_seed
from autoprox.base.errors import UndefinedScoreError
from autoprox.inspect.batch import check_classes, checked_labels, logits_of
from autoprox.inspect.finding import find_nodes
from autoprox.inspect.nodes import Node, Role, Site, check_told
from autoprox.inspect.preservation import preserved
from autoprox.statistics import STATISTICS, BatchLoss, Collection
from autoprox.statistics.collection import collect_prepared
from autoprox.statistics.passes.losses import output_sum
from autoprox.statistics.preparation import prepare
from autoprox.statistics.statistic import Given

T = TypeVar("T")


class Subject:
    """A model and a batch, ready to be looked at; made by `prepared`.

    While it exists the model is in evaluation mode, and gradients are recorded for all of its parameters. Whatever a
    proxy does to it is undone afterwards.

    Attributes:
        model: The model.
        nodes: Its nodes, in forward order.
        images: Checked images `(B, C, H, W)`.
        labels: Checked class indices `(B,)`; with a loss of the caller's own, whatever that takes; None if not given.
        loss: The caller's own loss, or None for the mean cross entropy.
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
        """The labels as class indices `(B,)`, whatever the loss takes.

        Raises:
            CollectionError: If they are none, or not among the classes of the model.
        """
        labels = checked_labels(self.labels, self.images)
        check_classes(labels, self.once(_class_count))
        return labels

    def at(self, site: Site, *roles: Role) -> list[Node]:
        """The nodes of a site, of some roles or of all.

        Raises:
            CollectionError: If some roles are asked for, and the role of a node of the site is not known.
            UndefinedScoreError: If there are none.
        """
        if roles:
            check_told(self.nodes, {site})
        found = [node for node in self.nodes if node.site is site and (not roles or node.role in roles)]
        if not found:
            role = f" of the role {' or '.join(roles)}" if roles else ""
            raise UndefinedScoreError(f"the {type(self.model).__name__} has no {site} nodes{role} that autoprox sees.")
        return found

    def once(self, function: Callable[["Subject"], T]) -> T:
        """Result of the function for this subject, computed once and shared.

        Proxies that rest on the same thing (the Jacobian of the images, the tokens behind each block) share it when
        they are computed together. It must not be written into.
        """
        if function not in self._shared:
            self._shared[function] = function(self)
        value: T = self._shared[function]
        return value

    def output_sum(self, images: Tensor) -> Tensor:
        """The summed logits of images: what a Jacobian without labels is taken of.

        Raises:
            CollectionError: If the model's output has no logits.
        """
        return output_sum(self.model(images), None)

    def collect(self, *names: str) -> Collection:
        """Statistics of the model on the batch.

        Raises:
            CollectionError: If they cannot be collected.
            UndefinedScoreError: If the model has no nodes that they are taken at.
        """
        for site in {STATISTICS[name].site for name in names}:
            self.at(site)
        return collect_prepared(self._given, names)

    def noise(self, purpose: str, like: Tensor) -> Tensor:
        """Gaussian noise of a tensor's shape, the same for every model: networks are compared on the same draw."""
        generator = torch.Generator().manual_seed(derived_seed("zoo", purpose))
        return torch.randn(like.shape, generator=generator, dtype=torch.float32).to(like)


@torch.no_grad()
def _class_count(subject: Subject) -> int | None:
    """How many classes the model tells apart; None of a single logit, which tells two apart, and of other outputs."""
    logits = logits_of(subject.model(subject.images[:1]))
    several = isinstance(logits, Tensor) and logits.ndim == 2 and logits.shape[1] > 1
    return logits.shape[1] if several else None


@contextmanager
def prepared(model: nn.Module, images: Any, labels: Any, loss: BatchLoss | None = None) -> Iterator[Subject]:
    """Checks a batch and prepares a model; afterwards the model is as it was, to the bit.

    Args:
        model: Any module whose nodes have roles, declared or told (`autoprox.inspect.find_nodes`).
        images: Batch, shape `(B, C, H, W)`, torch or NumPy.
        labels: Class indices, shape `(B,)`; None where no proxy reads them.
        loss: What a backward pass starts from; the mean cross entropy by default.

    Raises:
        CollectionError: If images or labels cannot be used with this model, or it has no linear layer.
    """
    with preserved(model):
        given = prepare(model, images, labels, (), loss, find_nodes, told=(), batch=True)
        # What was made in the caller's inference mode can take no part in a backward pass; a copy can.
        labels = given.labels.clone() if isinstance(given.labels, Tensor) else given.labels
        yield Subject(replace(given, images=given.images.clone(), labels=labels))

"""Proxies that are no graphs: a function of a live model, behind the interface that graphs have."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import derived_seed
from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.graph.scorer import Loss, Requirements, score_each
from autoprox.inspect import find_nodes
from autoprox.inspect.batch import checked_images, checked_labels, model_weight, own_labels
from autoprox.inspect.finding import FAILURES
from autoprox.inspect.nodes import Node, Role, Site, check_told
from autoprox.inspect.preservation import preserved
from autoprox.statistics import STATISTICS, Collection, collect
from autoprox.statistics.passes.losses import output_sum

T = TypeVar("T")


class Subject:
    """A model and a batch, ready to be looked at; made by `prepared`.

    While it exists the model is in evaluation mode, and gradients are recorded for all of its parameters. Whatever a
    proxy does to it is undone afterwards.

    Args:
        model: The model.
        nodes: Its nodes, in forward order.
        images: Checked images `(B, C, H, W)`.
        labels: Checked class indices `(B,)`; with a loss of the caller's own, whatever that takes.
        loss: The caller's own loss, or None for the mean cross entropy.
    """

    def __init__(self, model: nn.Module, nodes: Sequence[Node], images: Tensor, labels: Any, loss: Loss | None) -> None:
        self.model = model
        self.nodes = nodes
        self.images = images
        self.labels = labels
        self._loss = loss
        self._shared: dict[Callable[[Subject], Any], Any] = {}

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
        """What the function gives for this subject, computed once, whoever asks for it.

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
        return collect(self.model, self.images, self.labels, names, loss=self._loss)

    def noise(self, purpose: str, like: Tensor) -> Tensor:
        """Gaussian noise of a tensor's shape, the same for every model: networks are compared on the same draw."""
        generator = torch.Generator().manual_seed(derived_seed("zoo", purpose))
        return torch.randn(like.shape, generator=generator).to(like)


@contextmanager
def prepared(model: nn.Module, images: Any, labels: Any, loss: Loss | None = None) -> Iterator[Subject]:
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
        nodes = find_nodes(model, lambda weight: checked_images(images, weight))
        linear = next((node.module for node in nodes if node.site is Site.LINEAR), None)
        if linear is None:
            raise CollectionError(f"The {type(model).__name__} has no Linear and no Conv2d; give the network itself.")
        checked = checked_images(images, model_weight(linear))
        if labels is not None:
            labels = checked_labels(labels, checked) if loss is None else own_labels(labels, checked)
        # What was made in the caller's inference mode can take no part in a backward pass; a copy can.
        labels = labels.clone() if isinstance(labels, Tensor) else labels
        yield Subject(model, nodes, checked.clone(), labels, loss)


@dataclass(frozen=True)
class FunctionProxy:
    """A proxy that is computed by a function; a higher score means a better network.

    Args:
        name: What reports call it.
        function: From a prepared model and batch to the measure.
        sign: 1, or -1 where less of the measure is better.
        source: Where the method comes from.
        requirements: What it has to be given, and what it runs.
        version: Raised whenever its values change, so that stored scores are not used for another meaning.

    Example:
        >>> import autoprox
        >>> micro = autoprox.space("autoformer-micro")
        >>> arch = micro.sample(np.random.default_rng(0))
        >>> model = micro.build(arch, num_classes=10, img_size=8, in_chans=1, seed=0)
        >>> wide = FunctionProxy("wide", lambda subject: subject.model.pos_embed.shape[-1], 1, "Here.", Requirements())
        >>> wide.score(model, np.zeros((1, 1, 8, 8), np.float32), [0]) == model.pos_embed.shape[-1]
        True
    """

    name: str
    function: Callable[[Subject], float]
    sign: int
    source: str
    requirements: Requirements
    version: int = 1

    def score(self, model: nn.Module, images: Any, labels: Any, *, loss: Loss | None = None) -> float:
        """Scores one live model; see `autoprox.graph.Scorer`.

        Raises:
            CollectionError: If it cannot be computed on this model with this batch.
            UndefinedScoreError: If it has no finite value on this model.
        """
        with prepared(model, images, labels, loss) as subject:
            return self.score_subject(subject)

    def score_subject(self, subject: Subject) -> float:
        """Scores a model that is prepared already, beside other proxies.

        Raises:
            CollectionError: If it cannot be computed on this model with this batch.
            UndefinedScoreError: If it has no finite value on this model.
        """
        needed, given = self.requirements, len(subject.images)
        if given < needed.images:
            raise CollectionError(f"The proxy '{self.name}' needs at least {needed.images} images; {given} given.")
        if needed.labels and subject.labels is None:
            raise CollectionError(f"The proxy '{self.name}' needs labels; give one class index for each image.")
        try:
            value = float(self.sign * self.function(subject))
        except CollectionError as error:
            raise CollectionError(f"The proxy '{self.name}': {error}") from error
        except UndefinedScoreError as error:
            raise UndefinedScoreError(f"The proxy '{self.name}' is undefined on this model: {error}") from error
        except FAILURES as error:
            raise CollectionError(
                f"The proxy '{self.name}' failed on the {type(subject.model).__name__} and images of shape"
                f" {tuple(subject.images.shape)}: {error}"
            ) from error
        if not np.isfinite(value):
            raise UndefinedScoreError(
                f"The proxy '{self.name}' has no finite value on this model (it gives {value});"
                " rank it last or choose another proxy."
            )
        return value

    def score_many(self, models: Iterable[nn.Module], images: Any, labels: Any, *, loss: Loss | None = None) -> Floats:
        """Scores live models one after the other; see `autoprox.graph.Scorer`.

        Raises:
            CollectionError: If it cannot be computed on one of the models with this batch.
        """
        return score_each(self, models, images, labels, loss)

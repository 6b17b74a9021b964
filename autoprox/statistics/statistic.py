"""Statistics and passes: the classes that the registry and the passes share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.inspect.nodes import Node, Site
from autoprox.statistics._node_counts import Count
from autoprox.statistics._spread import Spread

BatchLoss = Callable[[Any, Any], Tensor]
"""From the model's output and the labels to a scalar."""

Values = dict[str, list[Tensor] | Tensor]
"""By name: of a tensor statistic one detached tensor per node of its site, of a count float64 `(n_nodes,)`."""


class StatisticKind(StrEnum):
    """Result of a statistic for a node."""

    TENSOR = "tensor"
    COUNT = "count"


class Stage(StrEnum):
    """How far a pass has to go for a statistic."""

    STATIC = "static"
    """Nothing is run: it is read off the module."""
    FORWARD = "forward"
    """The images forward."""
    BACKWARD = "backward"
    """The images forward, and the loss backward."""


class Tap(StrEnum):
    """Which tensor of a node is taken; at the backward stage, the gradient of the loss with respect to it."""

    WEIGHT = "weight"
    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Given:
    """Input of a pass. While it runs, the model is in the state that `preserve.preserved` gives it.

    Args:
        model: The model.
        nodes: Its nodes, in forward order.
        images: `(B, ...)`, checked; without an element where no pass needs a batch. A pass does not write into them,
            nor lets the model do so.
        labels: Checked class indices `(B,)`; with a loss of the caller's own, whatever that takes.
        loss: The caller's own loss, or None for the mean cross entropy.
    """

    model: nn.Module
    nodes: Sequence[Node]
    images: Tensor
    labels: Any
    loss: BatchLoss | None

    def at(self, site: Site) -> list[Node]:
        """The nodes of a site."""
        return [node for node in self.nodes if node.site is site]


@dataclass(frozen=True, slots=True)
class Pass:
    """One way to run a model, and what is taken meanwhile. It runs only if a statistic that is asked for declares it.

    Args:
        name: What it is called.
        source: Where it comes from.
        run: Does it: from the pass, what is given, and those of the wanted statistics that declare it.
        images: What the model is given instead of the images; None for the images themselves.
        loss: What is differentiated; None for what the caller wants differentiated.
        parameters: What every floating-point parameter is replaced by while it runs; None for themselves.
        dtype: What it is computed in; None for the dtype of the model.
        least_images: The fewest images that it needs; 0 if it needs no batch at all.
        batch_statistics: Whether untrained batch normalisations take the statistics of what it gives the model, see
            `autoprox.inspect.preservation.preserved`; those of one artificial image mean nothing.

    Example:
        >>> from autoprox.statistics import STATISTICS
        >>> synflow = STATISTICS["synflow_weight_grad"].pass_
        >>> synflow.name, synflow.dtype, synflow.least_images
        ('synflow', torch.float64, 1)
    """

    name: str
    source: str
    run: Callable[["Pass", Given, "Sequence[Statistic]"], Values]
    images: Callable[[Tensor], Tensor] | None = None
    loss: BatchLoss | None = None
    parameters: Callable[[Tensor], Tensor] | None = None
    dtype: torch.dtype | None = None
    least_images: int = 1
    batch_statistics: bool = True


@dataclass(frozen=True, slots=True)
class Statistic:
    """One tensor, or one float, for every node of a site.

    Args:
        name: What it is called in graphs.
        kind: Tensor or count.
        site: Which modules have it.
        shape: Shape class. Two tensor statistics of one site and shape class have, node by node, tensors of the same
            shape. Empty for counts.
        pass_: What has to be run.
        stage: How far that has to go.
        source: Where it comes from.
        version: To be raised when its values change: results that are stored under another version are not used.
        tap: Which tensor it takes, or is made of; None for counts.
        count: How it is counted; None for tensors.
        spread: What is kept of gradients of several samples or parts of the batch; None for all other statistics.

    Example:
        >>> from autoprox.statistics import STATISTICS
        >>> weight = STATISTICS["weight_grad"]
        >>> weight.kind.value, weight.site.value, weight.shape, weight.pass_.name, weight.stage.value
        ('tensor', 'linear', 'weight', 'data', 'backward')
    """

    name: str
    kind: StatisticKind
    site: Site
    shape: str
    pass_: Pass
    stage: Stage
    source: str
    version: int = 1
    tap: Tap | None = None
    count: Count | None = None
    # In quotes, so that an exported proxy holds the class only if one of its statistics is made of a spread.
    spread: Callable[["Spread"], Tensor] | None = None

    @property
    def needs_labels(self) -> bool:
        """Whether it depends on the labels: on a gradient of the loss that the caller wants differentiated.

        Example:
            >>> from autoprox.statistics import STATISTICS
            >>> STATISTICS["weight_grad"].needs_labels, STATISTICS["synflow_weight_grad"].needs_labels
            (True, False)
        """
        return self.stage is Stage.BACKWARD and self.pass_.loss is None

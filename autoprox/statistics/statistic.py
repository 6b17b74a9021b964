"""Classes of statistics and passes, shared by the registry and the passes."""

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
"""Function of the model's output and the labels that returns a scalar."""

Values = dict[str, list[Tensor] | Tensor]
"""Values by name: one detached tensor per node of the site for a tensor statistic, float64 `(n_nodes,)` for a count."""


class StatisticKind(StrEnum):
    """Type of a statistic's value at a node."""

    TENSOR = "tensor"
    COUNT = "count"


class Stage(StrEnum):
    """Part of a pass that a statistic needs."""

    STATIC = "static"
    """None: the value is read from the module."""
    FORWARD = "forward"
    """The forward pass."""
    BACKWARD = "backward"
    """The forward and the backward pass."""


class Tap(StrEnum):
    """Recorded tensor of a node; at the backward stage, the gradient of the loss with respect to it."""

    WEIGHT = "weight"
    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Given:
    """Input of a pass, which runs while the model is `autoprox.inspect.preservation.preserved`.

    Args:
        model: The model.
        nodes: Its nodes, in forward order.
        images: Checked images `(B, ...)`; empty if no pass needs a batch. A pass must not modify them, and must not let
            the model modify them.
        labels: Checked class indices `(B,)`, or the labels of a custom loss.
        loss: Custom loss, or None for the mean cross entropy.
        teacher: Function of images that returns the feature maps of the teacher's blocks; None without a teacher.
    """

    model: nn.Module
    nodes: Sequence[Node]
    images: Tensor
    labels: Any
    loss: BatchLoss | None
    teacher: Callable[[Tensor], Sequence[Tensor]] | None = None

    def at(self, site: Site) -> list[Node]:
        """Returns the nodes of a site."""
        return [node for node in self.nodes if node.site is site]


@dataclass(frozen=True, slots=True)
class Pass:
    """A way to run a model. A pass runs only if a requested statistic declares it.

    Args:
        name: Its name.
        run: Function of the pass, its input, and its requested statistics that returns their values.
        images: Function of the images that returns the input of the model; None for the images themselves.
        loss: Loss to differentiate; None for the caller's loss.
        replace: Function that replaces parameters of the model before it runs; None to keep them.
        dtype: Data type of the computation; None for the dtype of the model.
        least_images: Least number of images; 0 if it needs no batch.
        batch_statistics: Lets untrained batch normalisations use the statistics of the batch, see
            `autoprox.inspect.preservation.use_batch_statistics`; not useful for one artificial image.
        source: Publication or definition.

    Example:
        >>> from autoprox.statistics import STATISTICS
        >>> synflow = STATISTICS["synflow_weight_grad"].pass_
        >>> synflow.name, synflow.dtype, synflow.least_images
        ('synflow', torch.float64, 1)
    """

    name: str
    run: Callable[["Pass", Given, "Sequence[Observation]"], Values]
    images: Callable[[Tensor], Tensor] | None = None
    loss: BatchLoss | None = None
    replace: Callable[[nn.Module], None] | None = None
    dtype: torch.dtype | None = None
    least_images: int = 1
    batch_statistics: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """One tensor, or one float, per node of a site.

    Args:
        name: Its name in graphs.
        site: Site of its nodes.
        pass_: The pass that it needs.
        stage: Part of the pass that it needs.
        tap: Tensor that it records or is computed from; None for counts.
        count: Function that counts; None for tensors.
        spread: Moment of the gradients of several samples or parts of the batch; None for all other statistics.
        paired: Difference of a feature map of the network, `(B, C, H, H)`, and one of a teacher; None for statistics of
            one network.
    """

    name: str
    site: Site
    pass_: Pass
    stage: Stage
    tap: Tap | None = None
    count: Count | None = None
    # In quotes, so that an exported proxy includes the class only if one of its statistics uses a spread.
    spread: Callable[["Spread"], Tensor] | None = None
    paired: Callable[[Tensor, Tensor], Tensor] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic(Observation):
    """An observation as graphs use it.

    Args:
        kind: Tensor or count.
        shape: Shape class. Two tensor statistics of one site and shape class have tensors of the same shape at each
            node. Empty for counts.
        source: Publication or definition.
        version: Raised when its values change; results stored under another version are ignored.

    Example:
        >>> from autoprox.statistics import STATISTICS
        >>> weight = STATISTICS["weight_grad"]
        >>> weight.kind.value, weight.site.value, weight.shape, weight.pass_.name, weight.stage.value
        ('tensor', 'linear', 'weight', 'data', 'backward')
    """

    kind: StatisticKind
    shape: str
    source: str
    version: int = 1

    @property
    def needs_labels(self) -> bool:
        """True if it depends on the labels, through a gradient of the caller's loss.

        Example:
            >>> from autoprox.statistics import STATISTICS
            >>> STATISTICS["weight_grad"].needs_labels, STATISTICS["synflow_weight_grad"].needs_labels
            (True, False)
        """
        return self.stage is Stage.BACKWARD and self.pass_.loss is None

"""Costs of an architecture, registered by name for searches, reports and tables.

`params`, `macs`, `weight_bytes` and `bitops` are registered here, and `latency`, which needs torch, by
`autoprox.networks.latency`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from autoprox.base.registry import Registry
from autoprox.spaces._arch import Arch
from autoprox.spaces.space import Space
from autoprox.spaces.task import TaskShape
from autoprox.spaces.units import BYTES, COUNT, Unit


class Cost(ABC):
    """A cost of a network; lower is better.

    Attributes:
        name: Name in the registry, also used in bounds.
        noun: Noun in texts.
        unit: Unit of its values.
        version: Raised when its values change; values stored under another version are ignored.
        additive: True for an integer that is a sum over the nodes of a network, so that one value per layer and choice
            determines the cost of every architecture.
        measured: True if values are measured, which takes time and differs between machines.
    """

    name: str
    noun: str
    unit: Unit
    version: int
    additive: bool
    measured: ClassVar[bool] = False

    @abstractmethod
    def of(self, space: Space, arch: Arch, task: TaskShape) -> int | float:
        """Returns the cost of an architecture's network for a task, in `unit`.

        Raises:
            SpecError: If the space does not allow the architecture or the task.
        """

    def spread(self, space: Space, arch: Arch, task: TaskShape) -> float:
        """Returns the interquartile range of repeated measurements over their median; 0 if computed."""
        del space, arch, task
        return 0.0

    @property
    def identity(self) -> list[Any]:
        """Everything that a value depends on besides the network and its task, as JSON-like data."""
        return [self.name, self.version]


@dataclass(frozen=True)
class Computed(Cost):
    """A cost that follows from the architecture alone.

    Args:
        name: Name in the registry.
        noun: Noun in texts.
        unit: Unit of its values.
        function: Computes a value.
        version: Raised when its values change.
        additive: True for an integer that is a sum over the nodes of a network.

    Example:
        >>> import numpy as np
        >>> from autoprox.spaces import load_space
        >>> micro, task = load_space("pit-micro"), TaskShape(num_classes=10, img_size=8, in_chans=1)
        >>> COSTS["params"].of(micro, micro.sample(np.random.default_rng(0)), task)
        130234
    """

    name: str
    noun: str
    unit: Unit
    function: Callable[[Space, Arch, TaskShape], int | float]
    version: int = 1
    additive: bool = False

    def of(self, space: Space, arch: Arch, task: TaskShape) -> int | float:
        """Returns the cost of an architecture's network for a task."""
        return self.function(space, arch, task)


def _params(space: Space, arch: Arch, task: TaskShape) -> int:
    return space.params(arch, task.num_classes, task.img_size, task.in_chans)


def _macs(space: Space, arch: Arch, task: TaskShape) -> int:
    return space.counts(arch, task.num_classes, task.img_size, task.in_chans).macs


def _weight_bytes(space: Space, arch: Arch, task: TaskShape) -> int:
    return space.storage(arch, *task).weight_bytes


def _bitops(space: Space, arch: Arch, task: TaskShape) -> int:
    return space.storage(arch, *task).bitops


COSTS: Registry[Cost] = Registry("cost")
"""All costs by name."""

PARAMS = COSTS.register("params", Computed("params", "parameters", COUNT, _params, additive=True))
MACS = COSTS.register("macs", Computed("macs", "multiply-accumulates", COUNT, _macs, additive=True))
WEIGHT_BYTES = COSTS.register(
    "weight_bytes", Computed("weight_bytes", "bytes of weights", BYTES, _weight_bytes, additive=True)
)
BITOPS = COSTS.register("bitops", Computed("bitops", "bit operations", COUNT, _bitops, additive=True))

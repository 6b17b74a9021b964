"""Costs of an architecture: a registry, which a search, a report or a table asks by name.

`params`, `macs`, `weight_bytes` and `bitops` are here. What needs torch is registered where torch is: `latency` by
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
    """Something that a network costs; less is cheaper.

    Attributes:
        name: Its name in the registry, with which bounds are given.
        noun: What it is, for people.
        unit: What values are in.
        version: Raised when its values change; what was stored under another version is not used.
        additive: Whether it is an integer that adds up over the nodes of a network, so that a space whose layers can be
            exchanged needs no more than one value per layer to know all of them.
        measured: Whether a value has to be measured: it takes time, and differs between machines.
    """

    name: str
    noun: str
    unit: Unit
    version: int
    additive: bool
    measured: ClassVar[bool] = False

    @abstractmethod
    def of(self, space: Space, arch: Arch, task: TaskShape) -> int | float:
        """Cost of the network of an architecture for a task, in `unit`.

        Raises:
            SpecError: If the space does not allow the architecture or the task.
        """

    def spread(self, space: Space, arch: Arch, task: TaskShape) -> float:
        """How far repeated measurements of this network lie apart: interquartile range over median, 0 if computed."""
        del space, arch, task
        return 0.0

    @property
    def identity(self) -> list[Any]:
        """All that a value depends on beside the network and its task, as JSON-like data."""
        return [self.name, self.version]


@dataclass(frozen=True)
class Computed(Cost):
    """A cost that follows from the architecture alone.

    Args:
        name: Its name.
        noun: What it is, for people.
        unit: What values are in.
        function: Computes it.
        version: Raised when its values change.
        additive: Whether it is an integer that adds up over nodes.

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
        """Cost of the network of an architecture for a task."""
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

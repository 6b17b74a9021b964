"""Where the parameters of a network come from: a value with an identity, which is part of every key."""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from torch import nn

from autoprox.spaces import Arch, Space, TaskShape


class Weights(ABC):
    """Where the parameters of networks come from.

    A kind is a frozen dataclass of what decides the parameters.
    """

    @property
    @abstractmethod
    def identity(self) -> Any:
        """What tells these parameters from all others of the same architecture and task, as JSON-like data.

        A whole number is the seed of fresh parameters; another kind gives a list that begins with its name.
        """

    @property
    @abstractmethod
    def group(self) -> Hashable:
        """Networks are ranked among each other if their weights have one group."""

    @abstractmethod
    def network(self, space: Space, arch: Arch, task: TaskShape) -> nn.Module:
        """Builds a network with these parameters, in evaluation mode and on the CPU.

        Raises:
            SpecError: If the space does not allow the architecture or the task.
        """


@dataclass(frozen=True, slots=True)
class Fresh(Weights):
    """Parameters that were only initialised.

    Args:
        seed: Seed of the initialisation.

    Example:
        >>> import numpy as np
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("pit-micro")
        >>> arch = micro.sample(np.random.default_rng(0))
        >>> model = Fresh(3).network(micro, arch, TaskShape(num_classes=10, img_size=8, in_chans=1))
        >>> model.head.out_features, Fresh(3).identity
        (10, 3)
    """

    seed: int = 0

    @property
    def identity(self) -> int:
        """The seed."""
        return self.seed

    @property
    def group(self) -> int:
        """The seed: scores of one initialisation are ranked among each other."""
        return self.seed

    def network(self, space: Space, arch: Arch, task: TaskShape) -> nn.Module:
        """Builds the network.

        Raises:
            SpecError: If the space does not allow the architecture or the task.
        """
        return space.build(arch, *task, seed=self.seed)

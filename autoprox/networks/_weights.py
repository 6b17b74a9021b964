"""Sources of a network's parameters, each with an identity that is part of every key."""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from autoprox.base.digest import bytes_digest
from autoprox.base.errors import StoreMismatchError
from autoprox.base.foreign import reading
from autoprox.networks._checkpoint import load_checkpoint
from autoprox.spaces import Arch, Space, TaskShape


class Weights(ABC):
    """Source of the parameters of networks.

    A subclass is a frozen dataclass of everything that determines the parameters.
    """

    @property
    @abstractmethod
    def identity(self) -> Any:
        """Identity of these parameters among all others of the same architecture and task, as JSON-like data.

        A whole number is the seed of untrained parameters; other sources give a list that starts with their name.
        """

    @property
    @abstractmethod
    def group(self) -> Hashable:
        """Group of comparable weights: networks are ranked only within a group."""

    @abstractmethod
    def network(self, space: Space, arch: Arch, task: TaskShape) -> nn.Module:
        """Builds a network with these parameters, in evaluation mode and on the CPU.

        Raises:
            SpecError: If the space does not allow the architecture or the task.
        """


@dataclass(frozen=True, slots=True)
class Fresh(Weights):
    """Initial parameters without training.

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
        """The seed: scores are compared within one initialisation."""
        return self.seed

    def network(self, space: Space, arch: Arch, task: TaskShape) -> nn.Module:
        """Builds the network.

        Raises:
            SpecError: If the space does not allow the architecture or the task.
        """
        return space.build(arch, *task, seed=self.seed)


@dataclass(frozen=True, slots=True)
class Trained(Weights):
    """Trained parameters in a file written by `autoprox.networks.save_checkpoint`.

    Args:
        file: A safetensors file.

    Attributes:
        digest: Digest of the file's content.

    Raises:
        StoreMismatchError: If the file cannot be read.

    Example:
        >>> from tempfile import mkdtemp
        >>> from autoprox.networks import save_checkpoint
        >>> from autoprox.spaces import load_space
        >>> micro, task = load_space("pit-micro"), TaskShape(num_classes=10, img_size=8, in_chans=1)
        >>> arch = micro.arch({"base_dim": 8, "mlp_ratio": 2, "depth": [1, 1, 1], "num_heads": [2, 2, 2]})
        >>> path = Path(mkdtemp()) / "trained.safetensors"
        >>> save_checkpoint(micro.build(arch, *task, seed=5), path)
        >>> model = Trained(path).network(micro, arch, task)
        >>> model.head.weight.equal(micro.build(arch, *task, seed=5).head.weight), Trained(path).identity[0]
        (True, 'trained')
    """

    file: Path
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        with reading(
            self.file, lambda reason: StoreMismatchError(f"'{self.file}' cannot be read: {reason}. Check the path.")
        ):
            content = Path(self.file).read_bytes()
        object.__setattr__(self, "digest", bytes_digest(content))

    @property
    def identity(self) -> list[str]:
        """The name of the source and the digest of the file."""
        return ["trained", self.digest]

    @property
    def group(self) -> str:
        """One group: all trained networks are compared, although each has a separate file."""
        return "trained"

    def network(self, space: Space, arch: Arch, task: TaskShape) -> nn.Module:
        """Builds the network and reads its parameters.

        Raises:
            SpecError: If the space does not allow the architecture or the task.
            StoreMismatchError: If the file does not fit the network.
        """
        model: nn.Module = load_checkpoint(space.build(arch, *task), self.file)
        return model

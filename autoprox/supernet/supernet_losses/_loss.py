"""Interface of the losses of a training step."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from autoprox.base.errors import SpecError
from autoprox.spaces import Arch
from autoprox.supernet._subnets import Subnets
from autoprox.supernet._supernet import Supernet

Prior = Callable[[Arch], float]
"""From a subnet to its expected quality before training; higher is better."""


@dataclass(frozen=True)
class SupernetStep:
    """Inputs of a training step.

    Args:
        supernet: The supernet.
        archs: The subnets proposed by a sampler.
        images: `(B, C, H, W)`.
        labels: Class indices, `(B,)`.
        progress: Completed share of the training, in [0, 1].
        smoothing: Share of each target that is spread over all classes.
    """

    supernet: Supernet
    archs: Sequence[Arch]
    images: Tensor
    labels: Tensor
    progress: float
    smoothing: float = 0.0

    def logits(self, arch: Arch) -> Tensor:
        """Logits of a subnet for the images, `(B, num_classes)`."""
        logits: Tensor = self.supernet.select(arch)(self.images)
        return logits

    def entropy(self, logits: Tensor) -> Tensor:
        """The mean cross entropy with the labels."""
        return functional.cross_entropy(logits, self.labels, label_smoothing=self.smoothing)


class AbstractLoss(ABC):
    """Adds gradients to the parameters of a supernet.

    Args:
        subnets: Subnets of the supernet.
        rng: Generator of all draws.
        prior: Prior of subnets.

    Attributes:
        teacher: A network that is trained together with the supernet; None without one.

    Raises:
        SpecError: If the loss needs a prior, but none is given.
    """

    name: ClassVar[str]
    guided: ClassVar[bool] = False
    """True if the loss needs a prior."""

    def __init__(self, subnets: Subnets, rng: np.random.Generator, prior: Prior | None = None) -> None:
        if self.guided and prior is None:
            raise SpecError(f"The loss '{self.name}' ranks subnets by a prior. Give one (`prior`).")
        self.subnets, self.rng = subnets, rng
        self._prior = prior
        self.teacher: nn.Module | None = None

    def prior(self, arch: Arch) -> float:
        """Prior of a subnet."""
        assert self._prior is not None
        return self._prior(arch)

    @abstractmethod
    def backward(self, step: SupernetStep) -> list[float]:
        """Computes the loss and its gradients.

        Returns:
            Cross entropy with the labels for each subnet of the step.
        """

    def passes(self, count: int) -> int:
        """Number of passes of a step with `count` proposed subnets, including teachers and pairs.

        A pass is a forward pass with or without a backward pass.

        Raises:
            SpecError: If the loss does not support this number.
        """
        return count

    def state(self) -> dict[str, Any]:
        """The complete state except the parameters of the teacher, as JSON-like data."""
        return {"rng": self.rng.bit_generator.state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores the state of a loss with the same settings."""
        self.rng.bit_generator.state = state["rng"]

"""Interface of losses: they say what is back-propagated in a step."""

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
"""How good a subnet is, as far as one knows before training; higher is better."""


@dataclass(frozen=True)
class SupernetStep:
    """Subject of a step of training.

    Args:
        supernet: What is trained.
        archs: The subnets that a sampler proposed.
        images: `(B, C, H, W)`.
        labels: Class indices, `(B,)`.
        progress: Share of the training that is done, in [0, 1].
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
        subnets: Of what the supernet was made for.
        rng: Where all its draws come from.
        prior: How good a subnet is said to be.

    Attributes:
        teacher: What is trained beside the supernet; None if nothing is.

    Raises:
        SpecError: If it asks a prior, and there is no such one.
    """

    name: ClassVar[str]
    guided: ClassVar[bool] = False
    """Whether it asks a prior."""

    def __init__(self, subnets: Subnets, rng: np.random.Generator, prior: Prior | None = None) -> None:
        if self.guided and prior is None:
            raise SpecError(f"The loss '{self.name}' ranks subnets by a prior. Give one (`prior`).")
        self.subnets, self.rng = subnets, rng
        self._prior = prior
        self.teacher: nn.Module | None = None

    def prior(self, arch: Arch) -> float:
        """How good a subnet is said to be."""
        assert self._prior is not None
        return self._prior(arch)

    @abstractmethod
    def backward(self, step: SupernetStep) -> list[float]:
        """Computes the loss and its gradients.

        Returns:
            The cross entropy of each subnet of the step with the labels.
        """

    def passes(self, count: int) -> int:
        """Passes of a step in which so many subnets are proposed, those of teachers and pairs included.

        A pass is a forward pass with or without a backward pass.

        Raises:
            SpecError: If the loss takes no such number.
        """
        return count

    def state(self) -> dict[str, Any]:
        """All that later steps depend on but for the parameters of the teacher, as JSON-like data."""
        return {"rng": self.rng.bit_generator.state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Brings back a state of a loss with the same settings."""
        self.rng.bit_generator.state = state["rng"]

"""Interface of samplers, which choose the subnets of a training step."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from autoprox.spaces import Arch
from autoprox.supernet._subnets import Subnets


class AbstractSampler(ABC):
    """Proposes the subnets of each training step, and receives their losses.

    Args:
        subnets: The subnets to draw from.
        rng: Generator of all draws.
    """

    name: ClassVar[str]

    def __init__(self, subnets: Subnets, rng: np.random.Generator) -> None:
        self.subnets = subnets
        self.rng = rng

    @property
    @abstractmethod
    def per_step(self) -> int:
        """Number of subnets per step."""

    @abstractmethod
    def ask(self, progress: float) -> list[Arch]:
        """The subnets of the next step, in the order that losses expect.

        Args:
            progress: Completed share of the training, in [0, 1].
        """

    def tell(self, archs: Sequence[Arch], losses: Sequence[float]) -> None:  # noqa: B027 - optional for subclasses
        """Receives the cross entropies of the subnets of a step; ignored by default."""

    def state(self) -> dict[str, Any]:
        """The complete state, as JSON-like data."""
        return {"rng": self.rng.bit_generator.state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restores the state of a sampler with the same settings."""
        self.rng.bit_generator.state = state["rng"]

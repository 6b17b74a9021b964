"""Interface of samplers: they choose the subnets that a step trains."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from autoprox.spaces import Arch
from autoprox.supernet._subnets import Subnets


class AbstractSampler(ABC):
    """Proposes the subnets of each step of training, and hears how they did.

    Args:
        subnets: What it draws from.
        rng: Where all its draws come from.
    """

    name: ClassVar[str]

    def __init__(self, subnets: Subnets, rng: np.random.Generator) -> None:
        self.subnets = subnets
        self.rng = rng

    @property
    @abstractmethod
    def per_step(self) -> int:
        """How many subnets a step has."""

    @abstractmethod
    def ask(self, progress: float) -> list[Arch]:
        """The subnets of the next step, in the order in which a loss reads them.

        Args:
            progress: Share of the training that is done, in [0, 1].
        """

    def tell(self, archs: Sequence[Arch], losses: Sequence[float]) -> None:  # noqa: B027 - most samplers do not listen
        """Takes the cross entropies of the subnets of a step."""

    def state(self) -> dict[str, Any]:
        """All that later steps depend on, as JSON-like data."""
        return {"rng": self.rng.bit_generator.state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Brings back a state of a sampler with the same settings."""
        self.rng.bit_generator.state = state["rng"]

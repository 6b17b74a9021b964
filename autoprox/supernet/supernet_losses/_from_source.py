"""Distillation from the trained network of a space, as in FLORA (Chang 2024, https://arxiv.org/abs/2311.03912)."""

from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from torch import nn
from torch.autograd import backward
from torch.nn import functional

from autoprox.base.errors import SpecError
from autoprox.inspect.batch import logits_of
from autoprox.supernet._subnets import Subnets
from autoprox.supernet.supernet_losses._loss import AbstractLoss, Prior, SupernetStep


@runtime_checkable
class MadeOfNetwork(Protocol):
    """A space around a trained network."""

    @property
    def source(self) -> nn.Module:
        """The network in evaluation mode; do not change it."""


class FromSource(AbstractLoss):
    """Each subnet learns from the predictions of the trained network of the space.

    Args:
        subnets: Subnets of the supernet.
        rng: Unused.
        prior: Unused.
        weight: Share of the teacher in the loss; the rest is the cross entropy with the labels. 1 as in FLORA.
        temperature: Divisor of logits.

    Raises:
        SpecError: If the space is not around a trained network, or a number is out of range.
    """

    name: ClassVar[str] = "distilled"

    def __init__(
        self,
        subnets: Subnets,
        rng: np.random.Generator,
        prior: Prior | None = None,
        weight: float = 1.0,
        temperature: float = 1.0,
    ) -> None:
        super().__init__(subnets, rng, prior)
        if not isinstance(subnets.space, MadeOfNetwork):
            raise SpecError(
                f"The loss '{self.name}' distils from the trained network of a space, but the space "
                f"'{subnets.space.name}' has no trained network. Choose a space of ranks, such as lr-pit-digits, or "
                "another loss."
            )
        if not 0 <= weight <= 1:
            raise SpecError(f"The `weight` of a teacher must be in [0, 1], not {weight}.")
        if temperature <= 0:
            raise SpecError(f"The `temperature` must be above 0, not {temperature}.")
        self.source = subnets.space.source
        self.weight, self.temperature = weight, temperature

    def backward(self, step: SupernetStep) -> list[float]:
        """For each subnet, its cross entropies with the teacher's softened predictions and with the labels."""
        with torch.no_grad():
            theirs = logits_of(self.source(step.images))
        target = (theirs / self.temperature).softmax(dim=1)
        found = []
        for arch in step.archs:
            logits = step.logits(arch)
            entropy = step.entropy(logits)
            taught = functional.cross_entropy(logits / self.temperature, target) * self.temperature**2
            backward(self.weight * taught + (1 - self.weight) * entropy)
            found.append(float(entropy.detach()))
        return found

    def passes(self, count: int) -> int:
        """One pass per subnet, plus one for the teacher."""
        return count + 1

"""Distillation from the network that a space is made of, as FLORA trains (Chang 2024, https://arxiv.org/abs/2311.03912)."""

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
    """A space that is made of a trained network."""

    @property
    def source(self) -> nn.Module:
        """The network, in evaluation mode; it is not to be changed."""


class FromSource(AbstractLoss):
    """Each subnet learns from the predictions of the trained network that the space is made of.

    Args:
        subnets: Of what the supernet was made for.
        rng: Not drawn from.
        prior: Not asked.
        weight: Share of the teacher in the loss; the rest is the cross entropy with the labels. FLORA has 1.
        temperature: By which logits are divided.

    Raises:
        SpecError: If the space is not made of a trained network, or a number is out of range.
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
                f"The loss '{self.name}' teaches by the trained network that a space is made of, and the space "
                f"'{subnets.space.name}' is made of none. Take a space of ranks, such as lr-pit-digits, or another "
                "loss."
            )
        if not 0 <= weight <= 1:
            raise SpecError(f"The `weight` of a teacher lies in [0, 1], not at {weight}.")
        if temperature <= 0:
            raise SpecError(f"The `temperature` must be above 0, not {temperature}.")
        self.source = subnets.space.source
        self.weight, self.temperature = weight, temperature

    def backward(self, step: SupernetStep) -> list[float]:
        """For each subnet, its cross entropy with the softened predictions of the teacher, and that with the labels."""
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
        """One more for the teacher."""
        return count + 1

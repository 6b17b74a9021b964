"""Online distillation: subnets learn from subnets of a convolutional supernet that is trained at the same time.

This is a reconstruction of OVO (https://arxiv.org/abs/2212.13766) from its abstract, in which subnets are sampled "for
both teacher and student networks". The coupling of both and the weights of the losses are not public.
"""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from torch import Tensor
from torch.autograd import backward
from torch.nn import functional

from autoprox.base.errors import SpecError, suggestion
from autoprox.spaces import Arch
from autoprox.supernet._subnets import Subnets
from autoprox.supernet._supernet import Supernet
from autoprox.supernet.supernet_losses._loss import AbstractLoss, Prior, SupernetStep
from autoprox.supernet.supernet_losses._teachers import teacher_space

TRIES = 10
"""Maximum number of random subnets that `self` draws to find one at least as expensive as the student."""


class Online(AbstractLoss):
    """Each subnet learns from the labels and from a teacher, which learns from the labels in the same step.

    Args:
        subnets: Subnets of the supernet.
        rng: Generator of the draws of teachers.
        prior: Unused.
        coupling: Choice of a student's teacher: `random`; `matched`, with the same rank in the order of costs; `max`,
            always the largest; `self`, a subnet of the same supernet that is at least as expensive.
        weight: Share of the teacher in the loss of a student.
        temperature: Divisor of logits.

    Raises:
        SpecError: If the coupling is unknown, or a number is out of range.
    """

    name: ClassVar[str] = "online"

    def __init__(
        self,
        subnets: Subnets,
        rng: np.random.Generator,
        prior: Prior | None = None,
        coupling: str = "random",
        weight: float = 0.5,
        temperature: float = 2.0,
    ) -> None:
        super().__init__(subnets, rng, prior)
        if coupling not in COUPLINGS:
            raise SpecError(f"There is no coupling '{coupling}'. {suggestion(coupling, COUPLINGS)}")
        if not 0 <= weight <= 1:
            raise SpecError(f"The `weight` of a teacher must be in [0, 1], not {weight}.")
        if temperature <= 0:
            raise SpecError(f"The `temperature` must be above 0, not {temperature}.")
        self.coupling, self.weight, self.temperature = coupling, weight, temperature
        self.own = coupling == "self"
        self.teachers = subnets if self.own else Subnets(teacher_space(subnets.task), subnets.task)
        if not self.own:
            classes, size, channels = subnets.task
            seed = int(rng.integers(2**31))
            self.teacher = Supernet(
                self.teachers.space, num_classes=classes, img_size=size, in_chans=channels, seed=seed
            )

    def backward(self, step: SupernetStep) -> list[float]:
        """For each subnet, the cross entropy of its teacher, its own, and the divergence from the teacher."""
        found = []
        for arch in step.archs:
            chosen = COUPLINGS[self.coupling](self, arch)
            logits = self._teacher_logits(step, chosen)
            backward(step.entropy(logits))
            ours = step.logits(arch)
            entropy = step.entropy(ours)
            loss = (1 - self.weight) * entropy + self.weight * self._divergence(ours, logits.detach())
            backward(loss)
            found.append(float(entropy.detach()))
        return found

    def passes(self, count: int) -> int:
        """Two passes per subnet: one for itself, and one for its teacher."""
        return 2 * count

    def _teacher_logits(self, step: SupernetStep, arch: Arch) -> Tensor:
        if self.teacher is None:
            return step.logits(arch)
        assert isinstance(self.teacher, Supernet)
        logits: Tensor = self.teacher.train().select(arch)(step.images)
        return logits

    def _divergence(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """Kullback-Leibler divergence of softened predictions, times the squared temperature (Hinton 2015)."""
        student, teacher = (each.div(self.temperature).log_softmax(dim=1) for each in (ours, theirs))
        return functional.kl_div(student, teacher, reduction="batchmean", log_target=True) * self.temperature**2


def _random(loss: Online, student: Arch) -> Arch:
    del student
    return loss.teachers.draw(loss.rng)


def _matched(loss: Online, student: Arch) -> Arch:
    """The teacher with the student's relative rank in the order of costs."""
    costs = [loss.subnets.macs(arch) for arch in loss.subnets.pool]
    place = np.searchsorted(costs, loss.subnets.macs(student)) / len(costs)
    pool = loss.teachers.pool
    return pool[min(int(place * len(pool)), len(pool) - 1)]


def _max(loss: Online, student: Arch) -> Arch:
    del student
    return loss.teachers.largest


def _self(loss: Online, student: Arch) -> Arch:
    """The first of several random subnets that is at least as expensive; the most expensive one otherwise."""
    least, drawn = loss.subnets.macs(student), []
    for _ in range(TRIES):
        drawn.append(loss.subnets.draw(loss.rng))
        if loss.subnets.macs(drawn[-1]) >= least:
            return drawn[-1]
    return max(drawn, key=loss.subnets.macs)


COUPLINGS: dict[str, Callable[[Online, Arch], Arch]] = {
    "random": _random,
    "matched": _matched,
    "max": _max,
    "self": _self,
}
"""Couplings by name: the choice of a student's teacher."""

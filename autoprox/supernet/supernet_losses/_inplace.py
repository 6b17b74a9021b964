"""In-place distillation: the largest subnet teaches the others (Yu 2019, https://arxiv.org/abs/1903.05134)."""

from typing import ClassVar

from torch.autograd import backward
from torch.nn import functional

from autoprox.supernet.supernet_losses._loss import AbstractLoss, SupernetStep


class Inplace(AbstractLoss):
    """The most expensive subnet of a step learns from the labels; the others learn from its predictions."""

    name: ClassVar[str] = "inplace"

    def backward(self, step: SupernetStep) -> list[float]:
        """Sum of cross entropies: with the labels for the first subnet, with its probabilities for the others."""
        first, *others = sorted(range(len(step.archs)), key=lambda place: -self.subnets.macs(step.archs[place]))
        logits = step.logits(step.archs[first])
        loss = step.entropy(logits)
        backward(loss)
        found, target = {first: float(loss.detach())}, logits.detach().softmax(dim=1)
        for place in others:
            logits = step.logits(step.archs[place])
            backward(functional.cross_entropy(logits, target))
            found[place] = float(step.entropy(logits.detach()))
        return [found[place] for place in range(len(found))]

"""Cross entropy with the labels, for each subnet."""

from typing import ClassVar

from torch.autograd import backward

from autoprox.supernet.supernet_losses._loss import AbstractLoss, SupernetStep


class CrossEntropy(AbstractLoss):
    """Each subnet learns from the labels only."""

    name: ClassVar[str] = "plain"

    def backward(self, step: SupernetStep) -> list[float]:
        """Sum of cross entropies with the labels."""
        found = []
        for arch in step.archs:
            loss = step.entropy(step.logits(arch))
            backward(loss)
            found.append(float(loss.detach()))
        return found

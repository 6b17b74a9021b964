"""In-place distillation from the mean of other subnets, as in ElasticViT (https://arxiv.org/abs/2303.09730).

In the released code, two external teachers provide soft labels for the other subnets, and the order of the divergence
is adaptive. Here the others learn from the labels, and the loss is the usual cross entropy.
"""

from typing import ClassVar

import torch
from torch.autograd import backward
from torch.nn import functional

from autoprox.supernet.supernet_losses._loss import AbstractLoss, SupernetStep


class InplaceMean(AbstractLoss):
    """The cheapest subnet of a step learns from the mean prediction of the others; these learn from the labels."""

    name: ClassVar[str] = "inplace-mean"

    def backward(self, step: SupernetStep) -> list[float]:
        """Sum of cross entropies: with mean probabilities for the cheapest subnet, with the labels for the others."""
        *others, last = sorted(range(len(step.archs)), key=lambda place: -self.subnets.macs(step.archs[place]))
        found, predictions = {}, []
        for place in others:
            logits = step.logits(step.archs[place])
            loss = step.entropy(logits)
            backward(loss)
            found[place] = float(loss.detach())
            predictions.append(logits.detach().softmax(dim=1))
        logits = step.logits(step.archs[last])
        entropy = step.entropy(logits)
        target = functional.cross_entropy(logits, torch.stack(predictions).mean(dim=0)) if predictions else entropy
        backward(target)
        found[last] = float(entropy.detach())
        return [found[place] for place in range(len(found))]

"""In-place distillation from the mean of the others, as in ElasticViT (https://arxiv.org/abs/2303.09730).

As released, two external teachers give the soft labels of the others, and the divergence adapts its order; here the
others learn from the labels, and the divergence is the usual one.
"""

from typing import ClassVar

import torch
from torch.autograd import backward
from torch.nn import functional

from autoprox.supernet.supernet_losses._loss import AbstractLoss, SupernetStep


class InplaceMean(AbstractLoss):
    """The cheapest subnet of a step learns from the mean prediction of the others, and these from the labels."""

    name: ClassVar[str] = "inplace-mean"

    def backward(self, step: SupernetStep) -> list[float]:
        """The sum of the cross entropies, with the mean probabilities as target of the cheapest."""
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

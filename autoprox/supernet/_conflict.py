"""The diagnosis that ElasticViT starts from: gradients of two subnets conflict more, the more their costs differ."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.autograd import backward

from autoprox.base.arrays import Floats
from autoprox.spaces import Arch
from autoprox.supernet._slots import slots_of
from autoprox.supernet._subnets import Subnets
from autoprox.supernet._supernet import Supernet


@dataclass(frozen=True)
class Conflict:
    """Pairs of subnets with like gaps of cost.

    Args:
        gap: Mean difference of the logarithms (base 2) of their multiply-accumulates.
        cosine: Mean cosine of their gradients on the parameters that both use.
        error: Standard error of that mean.
        pairs: How many there are.
    """

    gap: float
    cosine: float
    error: float
    pairs: int


def gradient_conflict(
    supernet: Supernet, images: Tensor, labels: Tensor, archs: Sequence[Arch], bins: int = 4
) -> list[Conflict]:
    """Mean cosine of the gradients of pairs of subnets on the parameters that both use, by their gap of cost.

    Args:
        supernet: Trained or not; its gradients are dropped.
        images: `(B, C, H, W)`, on which all gradients are taken.
        labels: `(B,)`.
        archs: Subnets, each of which is paired with all others.
        bins: Into how many groups of equal size the pairs fall.

    Returns:
        The groups by rising gap.

    Example:
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("pit-micro")
        >>> supernet, rng = Supernet(micro, num_classes=4, img_size=8, in_chans=1), np.random.default_rng(0)
        >>> archs = [micro.sample(rng) for _ in range(4)]
        >>> found = gradient_conflict(supernet, torch.randn(4, 1, 8, 8), torch.arange(4), archs, bins=2)
        >>> [each.pairs for each in found], found[0].gap < found[1].gap
        ([3, 3], True)
    """
    subnets = Subnets(supernet.space, supernet.task)
    known = [_gradient(supernet, arch, images, labels) for arch in archs]
    costs = np.log2([subnets.macs(arch) for arch in archs])
    one, other = np.triu_indices(len(archs), k=1)
    gaps = np.abs(costs[one] - costs[other])
    cosines = np.array([_cosine(known[a], known[b]) for a, b in zip(one, other, strict=True)])
    return [_summary(gaps[part], cosines[part]) for part in np.array_split(np.argsort(gaps, kind="stable"), bins)]


def _summary(gaps: Floats, cosines: Floats) -> Conflict:
    error = float(cosines.std(ddof=1) / len(cosines) ** 0.5) if len(cosines) > 1 else 0.0
    return Conflict(float(gaps.mean()), float(cosines.mean()), error, len(cosines))


def _gradient(supernet: Supernet, arch: Arch, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """All gradients of a subnet as one vector over the shared parameters, and which of them are its own."""
    supernet.zero_grad()
    backward(torch.nn.functional.cross_entropy(supernet.train().select(arch)(images), labels))
    marks = {key: torch.zeros_like(value) for key, value in supernet.shared.items()}
    for slot in slots_of(supernet.space.elastic.build(arch, *supernet.task)).values():
        slot.window(marks[slot.shared.replace(".", "/")]).fill_(1.0)
    gradients = [
        torch.zeros_like(value) if value.grad is None else value.grad.detach().clone()
        for value in supernet.shared.values()
    ]
    supernet.zero_grad()
    return torch.cat([each.flatten() for each in gradients]), torch.cat([each.flatten() for each in marks.values()])


def _cosine(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> float:
    both = one[1] * other[1]
    return float(torch.nn.functional.cosine_similarity(one[0] * both, other[0] * both, dim=0))

"""Gradient conflict of subnets, which grows with the gap of their costs: the observation behind ElasticViT."""

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
    """Pairs of subnets with similar gaps of cost.

    Args:
        gap: Mean difference of the logarithms (base 2) of multiply-accumulates.
        cosine: Mean cosine of gradients on common parameters.
        error: Standard error of this mean.
        pairs: Number of pairs.
    """

    gap: float
    cosine: float
    error: float
    pairs: int


def gradient_conflict(
    supernet: Supernet, images: Tensor, labels: Tensor, archs: Sequence[Arch], bins: int = 4
) -> list[Conflict]:
    """Mean cosine of the gradients of pairs of subnets on common parameters, by their gap of cost.

    Args:
        supernet: A trained or untrained supernet; its gradients are discarded.
        images: `(B, C, H, W)`, the batch of all gradients.
        labels: `(B,)`.
        archs: Subnets; each is paired with all others.
        bins: Number of groups of equal size.

    Returns:
        The groups in order of increasing gap.

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
    """All gradients of a subnet as one vector over the shared parameters, and a mask of the subnet's parameters."""
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

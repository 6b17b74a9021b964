"""Substitutes for the images: noise, perturbed images, ones.

Noise depends on the shape of the batch alone: it is drawn on the CPU, in float32, from a seed of its own, so that a
value repeats on any device and in any precision, and no generator of the caller's is moved.
"""

import torch
from torch import Tensor

NOISE_SEED = 20220211
"""Any number does; one for all, so that noise and perturbation of a batch are the same draw."""

PERTURBATION = 0.1
"""Standard deviation of what is added to perturbed images, whose own is about 1 after the usual normalisation. EZNAS
speaks of small Gaussian noise; the size is ours."""


def noise_images(images: Tensor) -> Tensor:
    """Standard normal images of the batch's shape.

    Args:
        images: `(B, C, H, W)`; shape, dtype and device are taken from them.

    Example:
        >>> torch.equal(noise_images(torch.zeros(2, 1, 8, 8)), noise_images(torch.ones(2, 1, 8, 8)))
        True
    """
    generator = torch.Generator().manual_seed(NOISE_SEED)
    return torch.randn(images.shape, generator=generator, dtype=torch.float32).to(images)


def perturbed_images(images: Tensor) -> Tensor:
    """The images plus normal noise of standard deviation `PERTURBATION`.

    Example:
        >>> round(perturbed_images(torch.zeros(64, 3, 8, 8)).std().item(), 2)
        0.1
    """
    return images + PERTURBATION * noise_images(images)


def one_of_ones(images: Tensor) -> Tensor:
    """One image, all ones; more would be copies of it.

    Example:
        >>> one_of_ones(torch.zeros(32, 3, 8, 8)).shape
        torch.Size([1, 3, 8, 8])
    """
    return torch.ones_like(images[:1])

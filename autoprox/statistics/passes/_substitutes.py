"""Substitutes for the images: noise, perturbed images, ones.

Noise depends only on the shape of the batch: it is drawn on the CPU in float32 from a fixed seed, so values are the
same on any device and in any precision, and the caller's generators are unchanged.
"""

import torch
from torch import Tensor

NOISE_SEED = 20220211
"""An arbitrary seed, shared so that noise and perturbation of a batch are the same draw."""

PERTURBATION = 0.1
"""Standard deviation of the noise added to images, which have about 1 after the usual normalisation. EZNAS uses small
Gaussian noise without stating its size; the size is our choice."""


def noise_images(images: Tensor) -> Tensor:
    """Returns standard normal images in the shape of the batch.

    Args:
        images: `(B, C, H, W)`; only their shape, dtype and device are used.

    Example:
        >>> torch.equal(noise_images(torch.zeros(2, 1, 8, 8)), noise_images(torch.ones(2, 1, 8, 8)))
        True
    """
    generator = torch.Generator().manual_seed(NOISE_SEED)
    return torch.randn(images.shape, generator=generator, dtype=torch.float32).to(images)


def perturbed_images(images: Tensor) -> Tensor:
    """Returns the images plus normal noise of standard deviation `PERTURBATION`.

    Example:
        >>> round(perturbed_images(torch.zeros(64, 3, 8, 8)).std().item(), 2)
        0.1
    """
    return images + PERTURBATION * noise_images(images)


def one_of_ones(images: Tensor) -> Tensor:
    """Returns one image of ones; more images would be copies.

    Example:
        >>> one_of_ones(torch.zeros(32, 3, 8, 8)).shape
        torch.Size([1, 3, 8, 8])
    """
    return torch.ones_like(images[:1])

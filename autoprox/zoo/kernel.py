"""Proxies of the empirical neural tangent kernel."""

import torch
from torch import Tensor

from autoprox.zoo.function import Subject
from autoprox.zoo.registry import function_proxy


def tangent_kernel(subject: Subject) -> Tensor:
    """The kernel `(B, B)` of the gradients of each image's summed logits with respect to all parameters, float64."""
    parameters = [each for each in subject.model.parameters() if each.requires_grad]
    rows = []
    for image in subject.images:
        gradients = torch.autograd.grad(subject.model(image[None]).sum(), parameters, allow_unused=True)
        rows.append(torch.cat([each.flatten() for each in gradients if each is not None]))
    tangents = torch.stack(rows).double()
    return tangents @ tangents.T


@function_proxy(
    "ntk_cond",
    "Chen 2021, TE-NAS, https://arxiv.org/abs/2102.11535: the better trainable, the smaller.",
    passes=("forward and backward, image by image",),
    sign=-1,
    images=2,
    small=True,
)
def ntk_cond(subject: Subject) -> float:
    """Largest by smallest eigenvalue of the neural tangent kernel.

    Of the kernel of all parameters; the published code leaves out those whose name lacks "weight", which depends on how
    a model names them.
    """
    values = torch.linalg.eigvalsh(subject.once(tangent_kernel))
    return float(values[-1] / values[0])


@function_proxy(
    "ntk_trace",
    "Shu 2022, NASI, https://arxiv.org/abs/2109.00817: the faster it learns, the larger.",
    passes=("forward and backward, image by image",),
    small=True,
)
def ntk_trace(subject: Subject) -> float:
    """Trace of the neural tangent kernel, divided by the number of images.

    The exact trace, for the logits summed; NASI approximates it by the norm of a gradient of the loss over the batch.
    """
    return float(subject.once(tangent_kernel).trace()) / len(subject.images)

"""Proxies of the empirical neural tangent kernel."""

import warnings

import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from autoprox.base.errors import UndefinedScoreError
from autoprox.scorers._subject import Subject
from autoprox.scorers.zoo._rounding import is_singular
from autoprox.scorers.zoo._zoo_proxies import function_proxy
from autoprox.statistics.passes.losses import output_sum
from autoprox.statistics.passes.samples import CHUNK_ELEMENTS


def tangent_kernel(subject: Subject) -> Tensor:
    """The empirical tangent kernel `(B, B)` of each image's summed logits over all parameters, float64."""
    tangents = _vectorised(subject)
    if tangents is None:
        tangents = _image_by_image(subject)
    return tangents @ tangents.T


def _image_by_image(subject: Subject) -> Tensor:
    """The gradients `(B, parameters)`, computed image by image, float64."""
    parameters = [each for each in subject.model.parameters() if each.requires_grad]
    rows = []
    for image in subject.images:
        found = torch.autograd.grad(subject.output_sum(image[None]), parameters, allow_unused=True)
        filled = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]
        rows.append(torch.cat([each.flatten() for each in filled]))
    return torch.stack(rows).double()


def _vectorised(subject: Subject) -> Tensor | None:
    """The same gradients, computed in chunks of images; None for a model that torch.func does not support."""
    model = subject.model
    chosen = {name: each.detach() for name, each in model.named_parameters() if each.requires_grad}
    buffers = dict(model.named_buffers())

    def total(parameters: dict[str, Tensor], image: Tensor) -> Tensor:
        return output_sum(functional_call(model, {**buffers, **parameters}, (image[None],)), None)

    chunk = max(1, CHUNK_ELEMENTS // sum(each.numel() for each in chosen.values()))
    gradients = vmap(grad(total), in_dims=(None, 0), chunk_size=chunk)
    try:
        # Fused attention does not support vmap; torch's plain implementation of the same function does.
        with sdpa_kernel(SDPBackend.MATH), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="There is a performance drop")
            found = gradients(chosen, subject.images)
    except (RuntimeError, TypeError, ValueError, IndexError):
        return None
    return torch.cat([each.flatten(1) for each in found.values()], dim=1).double()


@function_proxy(
    "ntk_cond",
    "Chen 2021, TE-NAS, https://arxiv.org/abs/2102.11535: the better trainable, the smaller.",
    passes=("backward, image by image",),
    sign=-1,
    images=2,
    small=True,
)
def ntk_cond(subject: Subject) -> float:
    """Largest by smallest eigenvalue of the neural tangent kernel.

    Of the kernel of all parameters; the published code leaves out those whose name lacks "weight", which depends on how
    a model names them.

    Raises:
        UndefinedScoreError: If the kernel is singular. Its smallest eigenvalue is then rounding, of either sign.
    """
    values = torch.linalg.eigvalsh(subject.once(tangent_kernel))
    if is_singular(values, subject.images.dtype):
        raise UndefinedScoreError("the tangent kernel is singular, so that it has no condition.")
    return float(values[-1] / values[0])


@function_proxy(
    "ntk_trace",
    "Shu 2022, NASI, https://arxiv.org/abs/2109.00817: the faster it learns, the larger.",
    passes=("backward, image by image",),
    small=True,
)
def ntk_trace(subject: Subject) -> float:
    """Trace of the neural tangent kernel, divided by the number of images.

    The exact trace, for the logits summed; NASI approximates it by the norm of a gradient of the loss over the batch.
    """
    return float(subject.once(tangent_kernel).trace()) / len(subject.images)

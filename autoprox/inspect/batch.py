"""The batch that statistics are computed on: what is accepted, and what is said of anything else."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.errors import CollectionError


def checked_images(images: Any, weight: Tensor) -> Tensor:
    """Brings images to where the model is, and refuses what cannot give statistics.

    Args:
        images: Array or tensor `(B, ...)`. An array has no device and goes to the model's; a tensor has to be there.
        weight: A weight of the model; its device and dtype are the model's.

    Raises:
        CollectionError: If the images are no plain array, empty, on another device, of another dtype, or not finite.

    Example:
        >>> import numpy as np
        >>> checked_images(np.zeros((2, 1, 8, 8)), torch.zeros(3))
        Traceback (most recent call last):
        ...
        autoprox.base.errors.CollectionError: The images are torch.float64 and the model is torch.float32; convert \
them, for instance by torch.as_tensor(images).to(torch.float32).
    """
    tensor = _as_tensor(images, "images", weight.device).detach()
    if tensor.ndim == 0 or not tensor.numel():
        raise CollectionError(f"The images have shape {tuple(tensor.shape)}; give at least one, as (B, C, H, W).")
    if tensor.dtype != weight.dtype:
        raise CollectionError(
            f"The images are {tensor.dtype} and the model is {weight.dtype}; convert them, for instance by "
            f"torch.as_tensor(images).to({weight.dtype})."
        )
    if tensor.layout is not torch.strided or tensor.is_meta:
        kind = "on the meta device" if tensor.is_meta else f"of the layout {tensor.layout}"
        raise CollectionError(f"The images are {kind}; give a plain tensor.")
    if not torch.isfinite(tensor).all():
        bad = (~torch.isfinite(tensor)).reshape(len(tensor), -1).any(dim=1).nonzero()[0].item()
        raise CollectionError(f"The images hold NaN or infinity, first in image {bad}; statistics would be undefined.")
    return tensor


def checked_labels(labels: Any, images: Tensor) -> Tensor:
    """Brings class indices to where the images are, as 64-bit integers.

    Args:
        labels: Array, tensor or list `(B,)`.
        images: The checked images `(B, ...)`.

    Raises:
        CollectionError: If the labels are no integers, below 0, on another device, or not one for each image.

    Example:
        >>> checked_labels([1, 0], torch.zeros(2, 1, 8, 8))
        tensor([1, 0])
    """
    if labels is None:
        raise CollectionError(f"There are no labels; give one class index for each of the {len(images)} images.")
    tensor = _as_tensor(labels, "labels", images.device)
    if tensor.dtype == torch.bool or tensor.is_floating_point() or tensor.is_complex():
        raise CollectionError(
            f"The labels are {tensor.dtype}; give class indices as integers. Soft labels are for what reads labels "
            "through the loss alone; give them with a loss of your own."
        )
    if tensor.shape != images.shape[:1]:
        raise CollectionError(
            f"The labels have shape {tuple(tensor.shape)} and there are {len(images)} images; give one class index "
            f"for each image."
        )
    tensor = tensor.long()
    check_classes(tensor, None)
    return tensor


def own_labels(labels: Any, images: Tensor) -> Any:
    """Labels for a custom loss: an array of numbers as a tensor, anything else as it is.

    Floats get the dtype of the images, which is that of the model, since NumPy's are double by default.

    Example:
        >>> import numpy as np
        >>> own_labels(np.array([1, 0]), torch.zeros(2, 3)), own_labels(np.array([0.25]), torch.zeros(1, 3))
        (tensor([1, 0]), tensor([0.2500]))
        >>> own_labels(None, torch.zeros(2, 3)) is None
        True
    """
    kind = getattr(getattr(labels, "dtype", None), "kind", None)  # of an array; a tensor's dtype has none
    if kind in {"i", "u"}:
        return torch.tensor(labels, device=images.device).long()
    return torch.tensor(labels, device=images.device, dtype=images.dtype) if kind == "f" else labels


def logits_of(output: Any) -> Any:
    """The logits in what a model gives.

    They are its attribute `logits`, as of Hugging Face's classifiers, or the output itself. Of a mapping that holds one
    matrix and nothing else they are that matrix: some of those classifiers give their logits under another name.

    Example:
        >>> from types import SimpleNamespace
        >>> logits_of(SimpleNamespace(logits=torch.ones(2))), logits_of(torch.zeros(2))
        (tensor([1., 1.]), tensor([0., 0.]))
    """
    if isinstance(output, Tensor):
        return output
    only = next(iter(output.values())) if isinstance(output, Mapping) and len(output) == 1 else None
    return getattr(output, "logits", only if isinstance(only, Tensor) and only.ndim == 2 else output)


def check_logits(logits: Any, labels: Tensor) -> None:
    """Checks what the default loss needs: logits `(B, num_classes)` of several classes, and labels that are among them.

    Raises:
        CollectionError: If it is otherwise.

    Example:
        >>> check_logits(torch.zeros(2, 10), torch.tensor([3, 10]))
        Traceback (most recent call last):
        ...
        autoprox.base.errors.CollectionError: Label 10 of image 1 is out of range: the model has 10 classes, so labels \
are 0 to 9.
    """
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(labels):
        got = f"shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise CollectionError(
            f"The model's output is {got} where logits ({len(labels)}, num_classes) are needed; "
            f"pass loss=function(output, labels) for a model with another output."
        )
    if logits.shape[1] == 1:
        raise CollectionError(
            "The model has one class, whose cross entropy is 0 whatever the parameters are; pass loss=function(output, "
            "labels), such as a binary cross entropy."
        )
    check_classes(labels, logits.shape[1])


def check_classes(labels: Tensor, classes: int | None) -> None:
    """Checks that labels `(B,)` are among the classes.

    Args:
        labels: The labels.
        classes: Number of classes of the model; None where it is not known.

    Raises:
        CollectionError: If one is not.

    Example:
        >>> check_classes(torch.tensor([0, 9]), 10)
        >>> check_classes(torch.tensor([0, -100]), None)
        Traceback (most recent call last):
        ...
        autoprox.base.errors.CollectionError: Label -100 of image 1 is out of range: labels are 0 or more. Leave out \
images that the loss ignores, or give a loss of your own.
    """
    wrong = (labels < 0) if classes is None else ((labels < 0) | (labels >= classes))
    if wrong.any():
        index = int(wrong.nonzero()[0].item())
        said = f"Label {int(labels[index])} of image {index} is out of range"
        if labels[index] < 0:
            raise CollectionError(
                f"{said}: labels are 0 or more. Leave out images that the loss ignores, or give a loss of your own."
            )
        raise CollectionError(f"{said}: the model has {classes} classes, so labels are 0 to {(classes or 1) - 1}.")


def model_weight(module: nn.Module) -> Tensor:
    """The weight whose device and dtype stand for the model's.

    Raises:
        CollectionError: If the layer has none that is a floating-point tensor.

    Example:
        >>> model_weight(nn.Linear(3, 4)).dtype
        torch.float32
    """
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or not weight.is_floating_point():
        raise CollectionError(
            f"The {type(module).__name__} has no floating-point weight; quantised models are not supported."
        )
    return weight


def _as_tensor(values: Any, what: str, device: torch.device) -> Tensor:
    """Makes a tensor on the device; one that is a tensor already has to be there."""
    if not isinstance(values, Tensor):
        try:
            return torch.tensor(values, device=device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise CollectionError(
                f"The {what} cannot be made a tensor ({error}); give an array or a tensor."
            ) from error
    if values.device != device:
        raise CollectionError(
            f"The {what} are on {values.device} and the model is on {device}; move them there by .to('{device}')."
        )
    return values

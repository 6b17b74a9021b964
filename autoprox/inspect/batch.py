"""Checks of the batch for statistics: images, labels and logits."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.errors import CollectionError


def checked_images(images: Any, weight: Tensor) -> Tensor:
    """Moves images to the model's device and checks that they can give statistics.

    Args:
        images: Array or tensor `(B, ...)`. An array is moved to the model's device; a tensor must be there already.
        weight: A weight with the device and dtype of the model.

    Raises:
        CollectionError: If the images are not a plain array, or are empty, on another device, of another dtype, or not
            finite.

    Example:
        >>> import numpy as np
        >>> checked_images(np.zeros((2, 1, 8, 8)), torch.zeros(3))
        Traceback (most recent call last):
        ...
        autoprox.base.errors.CollectionError: The images are torch.float64 and the model is torch.float32; convert \
them, for example with torch.as_tensor(images).to(torch.float32).
    """
    tensor = _as_tensor(images, "images", weight.device).detach()
    if tensor.ndim == 0 or not tensor.numel():
        raise CollectionError(f"The images have shape {tuple(tensor.shape)}; give at least one, as (B, C, H, W).")
    if tensor.dtype != weight.dtype:
        raise CollectionError(
            f"The images are {tensor.dtype} and the model is {weight.dtype}; convert them, for example with "
            f"torch.as_tensor(images).to({weight.dtype})."
        )
    if tensor.layout is not torch.strided or tensor.is_meta:
        kind = "on the meta device" if tensor.is_meta else f"of the layout {tensor.layout}"
        raise CollectionError(f"The images are {kind}; give a dense tensor with values.")
    if not torch.isfinite(tensor).all():
        bad = (~torch.isfinite(tensor)).reshape(len(tensor), -1).any(dim=1).nonzero()[0].item()
        raise CollectionError(f"The images contain NaN or infinity, first in image {bad}; give finite images.")
    return tensor


def checked_labels(labels: Any, images: Tensor) -> Tensor:
    """Converts class indices to 64-bit integers on the images' device.

    Args:
        labels: Array, tensor or list `(B,)`.
        images: The checked images `(B, ...)`.

    Raises:
        CollectionError: If the labels are not integers, or are negative, on another device, or not one per image.

    Example:
        >>> checked_labels([1, 0], torch.zeros(2, 1, 8, 8))
        tensor([1, 0])
    """
    if labels is None:
        raise CollectionError(f"The labels are missing; give one class index for each of the {len(images)} images.")
    tensor = _as_tensor(labels, "labels", images.device)
    if tensor.dtype == torch.bool or tensor.is_floating_point() or tensor.is_complex():
        raise CollectionError(
            f"The labels are {tensor.dtype}; give class indices as integers. Soft labels need a custom `loss` "
            "and work only where labels are used through the loss."
        )
    if tensor.shape != images.shape[:1]:
        raise CollectionError(
            f"The labels have shape {tuple(tensor.shape)} and there are {len(images)} images; give one class "
            "index per image."
        )
    tensor = tensor.long()
    check_classes(tensor, None)
    return tensor


def own_labels(labels: Any, images: Tensor) -> Any:
    """Converts labels for a custom loss: an array of numbers becomes a tensor, anything else is unchanged.

    Floats get the dtype of the images and of the model, because NumPy's default is double precision.

    Example:
        >>> import numpy as np
        >>> own_labels(np.array([1, 0]), torch.zeros(2, 3)), own_labels(np.array([0.25]), torch.zeros(1, 3))
        (tensor([1, 0]), tensor([0.2500]))
        >>> own_labels(None, torch.zeros(2, 3)) is None
        True
    """
    kind = getattr(getattr(labels, "dtype", None), "kind", None)  # only arrays have it
    if kind in {"i", "u"}:
        return torch.tensor(labels, device=images.device).long()
    return torch.tensor(labels, device=images.device, dtype=images.dtype) if kind == "f" else labels


def logits_of(output: Any) -> Any:
    """Returns the logits in the output of a model.

    They are the attribute `logits`, as in classifiers of Hugging Face, or the output itself. For a mapping with a
    single matrix they are that matrix, because some of those classifiers use another name for their logits.

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
    """Checks the arguments of the default loss: logits `(B, num_classes)` of several classes, and valid labels.

    Raises:
        CollectionError: If logits or labels are invalid.

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
            f"The model's output is {got} instead of logits ({len(labels)}, num_classes); pass "
            "loss=function(output, labels) for a model with another output."
        )
    if logits.shape[1] == 1:
        raise CollectionError(
            "The model has one class, so its cross entropy is always 0; pass loss=function(output, labels), "
            "such as a binary cross entropy."
        )
    check_classes(labels, logits.shape[1])


def check_classes(labels: Tensor, classes: int | None) -> None:
    """Checks that labels `(B,)` are valid classes.

    Args:
        labels: The labels.
        classes: Number of classes of the model; None if unknown.

    Raises:
        CollectionError: If a label is out of range.

    Example:
        >>> check_classes(torch.tensor([0, 9]), 10)
        >>> check_classes(torch.tensor([0, -100]), None)
        Traceback (most recent call last):
        ...
        autoprox.base.errors.CollectionError: Label -100 of image 1 is out of range: labels are 0 or more. Omit images \
that the loss ignores, or give a custom loss.
    """
    wrong = (labels < 0) if classes is None else ((labels < 0) | (labels >= classes))
    if wrong.any():
        index = int(wrong.nonzero()[0].item())
        said = f"Label {int(labels[index])} of image {index} is out of range"
        if labels[index] < 0:
            raise CollectionError(
                f"{said}: labels are 0 or more. Omit images that the loss ignores, or give a custom loss."
            )
        raise CollectionError(f"{said}: the model has {classes} classes, so labels are 0 to {(classes or 1) - 1}.")


def model_weight(module: nn.Module) -> Tensor:
    """Returns the weight of a layer, which gives the model's device and dtype.

    Raises:
        CollectionError: If the layer has no floating-point weight.

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
    """Makes a tensor on the device; a given tensor must be there already."""
    if not isinstance(values, Tensor):
        try:
            return torch.tensor(values, device=device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise CollectionError(
                f"The {what} cannot be converted to a tensor ({error}); give an array or a tensor."
            ) from error
    if values.device != device:
        raise CollectionError(
            f"The {what} are on {values.device} and the model is on {device}; move them with .to('{device}')."
        )
    return values

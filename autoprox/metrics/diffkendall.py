"""DiffKendall: a differentiable Kendall tau, as a metric and as a loss.

It needs torch, so `autoprox.metrics` does not import it.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Alpha = float | Callable[[float], float]
"""Steepness: a number, or a schedule from the completed share of training, in [0, 1], to a number."""

PUBLISHED_ALPHA = 0.5
"""Steepness in the experiment code of ParZC."""


def growing(start: float, end: float) -> Callable[[float], float]:
    """Returns a schedule that grows from one steepness to another by a constant factor per step.

    A small steepness responds to distant pairs only and has smooth gradients; a large one is close to Kendall's tau.

    Args:
        start: Steepness at the beginning, positive.
        end: Steepness at the end, positive.

    Raises:
        ValueError: If an argument is not a positive finite number.

    Example:
        >>> [growing(1, 16)(done) for done in (0.0, 0.5, 1.0)]
        [1.0, 4.0, 16.0]
    """
    first, last = steepness(start, 0.0), steepness(end, 0.0)
    return lambda progress: float(first * (last / first) ** progress)


def steepness(alpha: Alpha, progress: float) -> float:
    """Returns the steepness at a point of training.

    Args:
        alpha: A number or a schedule.
        progress: Completed share of training, in [0, 1].

    Raises:
        ValueError: If it is not a positive finite number.

    Example:
        >>> steepness(0.5, 0.3), steepness(growing(1, 4), 0.5)
        (0.5, 2.0)
    """
    value = float(alpha(progress) if callable(alpha) else alpha)
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"alpha must be a positive finite number, or a schedule of such numbers; got {value}.")
    return value


def within(pairs: Tensor, mask: Tensor | None, groups: Tensor | None) -> Tensor:
    """Selects the ordered pairs that count: two different items of one group, neither of them padding.

    Args:
        pairs: Any tensor `(..., N, N)`; only its shape and device are used.
        mask: `(..., N)`, False for padded items; all real if None.
        groups: `(..., N)`, whole numbers; one group if None.

    Returns:
        Booleans `(..., N, N)`.

    Example:
        >>> within(torch.zeros(3, 3), torch.tensor([True, True, False]), None).int().tolist()
        [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    """
    counted = ~torch.eye(pairs.shape[-1], dtype=torch.bool, device=pairs.device).expand(pairs.shape)
    if mask is not None:
        counted = counted & mask.unsqueeze(-1) & mask.unsqueeze(-2)
    if groups is not None:
        counted = counted & (groups.unsqueeze(-1) == groups.unsqueeze(-2))
    return counted


def differences(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Returns `z_i - z_j` for all ordered pairs, `(..., N)` -> `(..., N, N)`; masked values, even NaN, are ignored.

    Example:
        >>> differences(torch.tensor([3.0, 1.0])).tolist()
        [[0.0, 2.0], [-2.0, 0.0]]
    """
    shown = values if mask is None else torch.where(mask, values, torch.zeros_like(values))
    return shown.unsqueeze(-1) - shown.unsqueeze(-2)


def check_items(scores: Tensor, targets: Tensor, mask: Tensor | None, groups: Tensor | None) -> None:
    """Checks the arguments of a pairwise loss.

    Raises:
        ValueError: If shapes differ, the mask is not boolean, or fewer than two items can be compared.
    """
    shapes = {"targets": targets, "mask": mask, "groups": groups}
    for name, given in shapes.items():
        if given is not None and given.shape != scores.shape:
            raise ValueError(f"{name} has shape {tuple(given.shape)}, the scores have {tuple(scores.shape)}.")
    if mask is not None and mask.dtype != torch.bool:
        raise ValueError(f"The mask must be boolean, True for real items; got {mask.dtype}.")
    if scores.ndim == 0 or scores.shape[-1] < 2 or (mask is not None and bool((mask.sum(-1) < 2).any())):
        raise ValueError("A rank correlation needs at least two items that are not masked.")


def diffkendall_tau(
    scores: Tensor,
    targets: Tensor,
    alpha: Alpha = PUBLISHED_ALPHA,
    *,
    target_alpha: float | None = None,
    mask: Tensor | None = None,
    groups: Tensor | None = None,
    progress: float = 1.0,
) -> Tensor:
    """Returns a smooth Kendall tau, with `tanh` in place of the signs of differences.

    tau_d = 2 / (N (N - 1)) * sum over pairs i < j of s(x_i - x_j) s(y_i - y_j), s(z) = tanh(alpha z / 2) (Dong 2025,
    ParZC, https://arxiv.org/abs/2402.02105; after Zheng 2023, https://arxiv.org/abs/2307.15317, who take the sigmoid
    of the product). It tends to Kendall's tau-a as alpha grows: tied pairs contribute zero but are counted.

    With a small alpha it is close to a covariance, which grows with the scale of the scores: normalise the scores, or
    increase alpha during training.

    Args:
        scores: `(..., N)`, floating point.
        targets: `(..., N)`.
        alpha: Steepness; a number or a schedule, see `growing`.
        target_alpha: Steepness for the targets; `alpha` if None, signs if infinite.
        mask: `(..., N)`, False for padded items, which may hold anything; all real if None.
        groups: `(..., N)`, whole numbers: only pairs of one group are compared.
        progress: Completed share of training, in [0, 1], for a schedule.

    Returns:
        `(...)`, in [-1, 1].

    Raises:
        ValueError: If shapes do not fit, alpha is not positive and finite, or no two items can be compared.

    Example:
        >>> scores, targets = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([1.0, 3.0, 2.0, 4.0])
        >>> round(float(diffkendall_tau(scores, targets, alpha=100.0)), 4)  # (5 concordant - 1 discordant) / 6
        0.6667
    """
    check_items(scores, targets, mask, groups)
    steep = steepness(alpha, progress)
    step = differences(targets.to(scores.dtype), mask)
    truth = (
        torch.sign(step) if target_alpha == math.inf else torch.tanh(0.5 * step * steepness(target_alpha or steep, 0))
    )
    agreement = torch.tanh(0.5 * steep * differences(scores, mask)) * truth
    counted = within(agreement, mask, groups)
    number = counted.sum((-2, -1))
    if bool((number == 0).any()):
        raise ValueError("No two items share a group, so nothing can be compared.")
    return (agreement * counted).sum((-2, -1)) / number


def diffkendall_loss(
    scores: Tensor,
    targets: Tensor,
    alpha: Alpha = PUBLISHED_ALPHA,
    *,
    target_alpha: float | None = None,
    mask: Tensor | None = None,
    groups: Tensor | None = None,
    progress: float = 1.0,
) -> Tensor:
    """Returns the negative mean of `diffkendall_tau` over all leading dimensions; same arguments and errors.

    Returns:
        A scalar.

    Example:
        >>> scores = torch.tensor([0.3, 0.1, 0.2], requires_grad=True)
        >>> diffkendall_loss(scores, torch.tensor([3.0, 2.0, 1.0]), alpha=growing(0.5, 5), progress=0.5).backward()
        >>> scores.grad.sign().tolist()
        [-1.0, -1.0, 1.0]
    """
    tau = diffkendall_tau(
        scores, targets, alpha, target_alpha=target_alpha, mask=mask, groups=groups, progress=progress
    )
    return -tau.mean()

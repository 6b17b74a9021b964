"""Training losses of predictors, with a common interface, by name.

A loss takes scores and targets `(..., N)`, an optional mask, optional groups, and the completed share of training. It
returns a scalar, the mean over leading dimensions; lower is better. To add one, register it in `LOSSES`.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from autoprox.base.registry import Registry
from autoprox.metrics.diffkendall import check_items, differences, diffkendall_loss, growing, within


class PredictorLoss(Protocol):
    """A loss over the items of a batch."""

    def __call__(
        self,
        scores: Tensor,
        targets: Tensor,
        *,
        mask: Tensor | None = None,
        groups: Tensor | None = None,
        progress: float = 1.0,
    ) -> Tensor:
        """The loss, a scalar.

        Args:
            scores: `(..., N)`.
            targets: `(..., N)`.
            mask: `(..., N)`, False for padded items.
            groups: `(..., N)`, whole numbers; items of different groups are not compared.
            progress: Completed share of training, in [0, 1].

        Raises:
            ValueError: If shapes do not fit, or no items can be compared.
        """


LOSSES: Registry[PredictorLoss] = Registry("loss")

STEEPNESS = growing(0.5, 5.0)


def mse_loss(
    scores: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    groups: Tensor | None = None,
    progress: float = 1.0,  # noqa: ARG001 (part of the interface)
) -> Tensor:
    """Mean squared difference over unmasked items; groups and progress are ignored.

    Example:
        >>> float(mse_loss(torch.tensor([1.0, 2.0, 9.0]), torch.zeros(3), mask=torch.tensor([True, True, False])))
        2.5
    """
    check_items(scores, targets, mask, groups)
    real = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask
    squares = torch.where(real, scores - targets.to(scores.dtype), 0.0).square()
    return (squares.sum(-1) / real.sum(-1)).mean()


def pairwise_logistic_loss(
    scores: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    groups: Tensor | None = None,
    progress: float = 1.0,  # noqa: ARG001 (part of the interface)
) -> Tensor:
    """Mean of log(1 + exp(-(s_i - s_j) sign(y_i - y_j))) over all pairs of different targets (RankNet, Burges 2005).

    Raises:
        ValueError: As for all losses, and if all comparable targets are equal.

    Example:
        >>> float(pairwise_logistic_loss(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 2.0])))  # log 2
        0.6931471824645996
    """
    check_items(scores, targets, mask, groups)
    order = torch.sign(differences(targets.to(scores.dtype), mask))
    counted = within(order, mask, groups) & (order != 0)
    number = counted.sum((-2, -1))
    if bool((number == 0).any()):
        raise ValueError("No two items of one group have different targets, so nothing can be ranked.")
    costs = functional.softplus(-differences(scores, mask) * order) * counted
    return (costs.sum((-2, -1)) / number).mean()


def diffkendall(
    scores: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    groups: Tensor | None = None,
    progress: float = 1.0,
) -> Tensor:
    """`diffkendall_loss` of standardised scores, with a steepness that grows from 0.5 (the published value) to 5.

    Without standardisation, scaling up scores would lower the loss. Targets should have unit variance.
    """
    check_items(scores, targets, mask, groups)
    real = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask
    number = real.sum(-1, keepdim=True)
    centred = scores - torch.where(real, scores, 0.0).sum(-1, keepdim=True) / number
    variance = torch.where(real, centred, 0.0).square().sum(-1, keepdim=True) / number
    # The small term keeps the gradient of constant scores finite.
    standardised = centred / (variance + 1e-12).sqrt()
    return diffkendall_loss(standardised, targets, STEEPNESS, mask=mask, groups=groups, progress=progress)


LOSSES.register("diffkendall", diffkendall)
LOSSES.register("pairwise", pairwise_logistic_loss)
LOSSES.register("mse", mse_loss)


@torch.no_grad()
def ignores_level(loss: PredictorLoss, targets: Tensor, groups: Tensor) -> bool:
    """True if a loss is invariant to a common shift of all scores, tested by shifting them.

    Args:
        loss: The loss.
        targets: `(..., N)`, targets of the training.
        groups: `(..., N)`, as for a loss.

    Example:
        >>> targets, groups = torch.tensor([0.0, 1.0]), torch.tensor([0, 0])
        >>> {name: ignores_level(loss, targets, groups) for name, loss in LOSSES.items()}
        {'diffkendall': True, 'pairwise': True, 'mse': False}
    """
    # In float64 a shift by 1 causes a rounding error of 1e-15, far below the effect on a loss that is not invariant.
    scores = targets.double()
    here, there = (float(loss(each, scores, groups=groups)) for each in (scores, scores + 1.0))
    return math.isclose(here, there, rel_tol=1e-9, abs_tol=1e-9)


class SumOfLosses:
    """Sum of several losses.

    Args:
        names: Names in `LOSSES`.

    Raises:
        RegistryError: If a name is unknown.

    Example:
        >>> both = SumOfLosses(["mse", "pairwise"])
        >>> scores, targets = torch.tensor([0.0, 0.0]), torch.tensor([1.0, -1.0])
        >>> float(both(scores, targets)) == float(mse_loss(scores, targets) + pairwise_logistic_loss(scores, targets))
        True
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._losses = [LOSSES[name] for name in names]

    def __call__(
        self,
        scores: Tensor,
        targets: Tensor,
        *,
        mask: Tensor | None = None,
        groups: Tensor | None = None,
        progress: float = 1.0,
    ) -> Tensor:
        """The sum, a scalar."""
        losses = [loss(scores, targets, mask=mask, groups=groups, progress=progress) for loss in self._losses]
        return torch.stack(losses).sum()

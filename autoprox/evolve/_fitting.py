"""Linear fits of ranked labels: ridge regression in closed form, and forward selection of a few terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import linalg, stats

from autoprox.base.arrays import Floats

FOLDS = 5
"""Folds of cross-validation over the architectures of a space."""

PENALTIES = np.logspace(-5, 2, 29)
"""Candidate penalties, for terms of unit variance and a mean squared error."""

_LEAST_RIDGE = 1e-6
"""Penalty of forward selection, for nearly collinear terms."""


@dataclass(frozen=True)
class Samples:
    """Data of a fit: terms and label of every architecture, block by block.

    Args:
        terms: For each block `(n, T)`.
        labels: For each block `(n,)`, higher is better.
        folds: For each block `(n,)`, the fold of each architecture.
        shares: `(D,)`, weight of each block; the sum is 1.
    """

    terms: Sequence[Floats]
    labels: Sequence[Floats]
    folds: Sequence[npt.NDArray[np.intp]]
    shares: Floats

    @cached_property
    def _scale(self) -> Floats:
        """Standard deviation of each term within blocks, `(T,)`; 1 where it is zero."""
        variance = sum(share * each.var(axis=0) for share, each in zip(self.shares, self.terms, strict=True))
        spread = np.sqrt(np.asarray(variance))
        largest = np.max([np.abs(each).max(axis=0) for each in self.terms], axis=0)
        return np.asarray(np.where(spread > 1e-9 * (1 + largest), spread, np.inf))

    def design(self, fold: int | None = None) -> tuple[Floats, Floats]:
        """Centred terms and targets of all blocks, `(N, T)` and `(N,)`, with rows weighted by the shares of blocks.

        Targets are normal scores of the labels of a block, `Phi^-1((rank - 1/2) / n)`.

        Args:
            fold: The fold that is left out; none if None.
        """
        rows, targets = [], []
        for terms, labels, folds, share in zip(self.terms, self.labels, self.folds, self.shares, strict=True):
            kept = folds != fold
            weight = np.sqrt(share / max(int(kept.sum()), 1))
            held = terms[kept] / self._scale
            rows.append(weight * (held - held.mean(axis=0)))
            targets.append(weight * _centred_normal_scores(labels[kept]))
        return np.concatenate(rows), np.concatenate(targets)

    def held_out(self, fold: int) -> tuple[Floats, Floats]:
        """Terms and targets of one fold; terms are centred by the mean of the other folds.

        Targets are the normal scores within the whole block.
        """
        rows, targets = [], []
        for terms, labels, folds, share in zip(self.terms, self.labels, self.folds, self.shares, strict=True):
            out = folds == fold
            weight = np.sqrt(share / len(folds))
            held = terms / self._scale
            rows.append(weight * (held[out] - held[~out].mean(axis=0)))
            targets.append(weight * _centred_normal_scores(labels)[out])
        return np.concatenate(rows), np.concatenate(targets)

    def unscaled(self, weights: Floats) -> Floats:
        """Weights of the unscaled terms, from weights of terms of unit variance."""
        return np.asarray(weights / self._scale)


def _centred_normal_scores(labels: Floats) -> Floats:
    scores = stats.norm.ppf((stats.rankdata(labels) - 0.5) / len(labels))
    return np.asarray(scores - scores.mean())


def fold_numbers(count: int, seed: int) -> npt.NDArray[np.intp]:
    """Assigns architectures to folds at random; the folds have nearly the same size."""
    return np.random.default_rng(seed).permutation(np.arange(count) % FOLDS)


def ridge(samples: Samples) -> Floats:
    """Weights of terms that minimise the mean squared error plus a penalty on their squares.

    The penalty has the least error in cross-validation among `PENALTIES`.

    Returns:
        `(T,)`.
    """
    errors = np.zeros(len(PENALTIES))
    for fold in range(FOLDS):
        rows, targets = samples.held_out(fold)
        errors += np.square(rows @ _solved(*samples.design(fold)) - targets[:, None]).sum(axis=0)
    weights = _solved(*samples.design())[:, int(np.argmin(errors))]
    return samples.unscaled(weights)


def _solved(rows: Floats, targets: Floats) -> Floats:
    """Ridge weights for all `PENALTIES`, `(T, penalties)`."""
    left, values, right = linalg.svd(rows, full_matrices=False)
    shrunk = values[:, None] / (np.square(values)[:, None] + PENALTIES)
    return np.asarray(right.T @ (shrunk * (left.T @ targets)[:, None]))


def forward(samples: Samples, most: int) -> dict[int, float]:
    """Picks terms one by one by the largest reduction of the squared error, and fits their weights.

    Their number has the least error in cross-validation.

    Args:
        samples: Data of the fit.
        most: Largest number of terms.

    Returns:
        Weights by the index of the term, in the order of picking.
    """
    errors = np.zeros(most)
    for fold in range(FOLDS):
        rows, targets = samples.design(fold)
        picked = _picked(rows, targets, most)
        out, wanted = samples.held_out(fold)
        for number in range(1, most + 1):
            chosen = picked[:number]
            errors[number - 1] += np.square(out[:, chosen] @ _least(rows[:, chosen], targets) - wanted).sum()
    rows, targets = samples.design()
    chosen = _picked(rows, targets, int(np.argmin(errors)) + 1)
    weights = np.zeros(rows.shape[1])
    weights[chosen] = _least(rows[:, chosen], targets)
    unscaled = samples.unscaled(weights)
    return {index: float(unscaled[index]) for index in chosen}


def _picked(rows: Floats, targets: Floats, most: int) -> list[int]:
    """Indices of terms by orthogonal forward selection."""
    left, rest = rows.copy(), targets.copy()
    start = np.square(left).sum(axis=0)
    chosen: list[int] = []
    for _ in range(most):
        size = np.square(left).sum(axis=0)
        # The remainder of a term that is a combination of the chosen ones is rounding error.
        gains = np.where(size > 1e-6 * start, np.square(rest @ left) / np.maximum(size, 1e-300), -1.0)
        gains[chosen] = -1.0
        index = int(np.argmax(gains))
        if gains[index] <= 0:
            break
        chosen.append(index)
        direction = left[:, index] / np.sqrt(size[index])
        rest = rest - direction * (direction @ rest)
        left = left - np.outer(direction, direction @ left)
    return chosen


def _least(rows: Floats, targets: Floats) -> Floats:
    gram = rows.T @ rows
    if not len(gram):
        return np.zeros(0)
    return np.asarray(linalg.solve(gram + _LEAST_RIDGE * np.eye(len(gram)), rows.T @ targets, assume_a="pos"))

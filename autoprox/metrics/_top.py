"""Quality of the first places of a ranking: nDCG, and the regret of the first place."""

import numpy as np
import numpy.typing as npt

from autoprox.base.arrays import Floats

TOP = 10
"""Places of a ranking that count in `ndcg` by default."""


def ndcg(scores: npt.ArrayLike, labels: npt.ArrayLike, places: int = TOP) -> Floats:
    """Normalised discounted cumulative gain of the first places (Järvelin 2002), equal to scikit-learn's.

    The gain of an architecture is its label, scaled from 0 for the worst to 1 for the best, over log2(1 + place).
    Architectures with equal scores share their mean gain.

    Args:
        scores: `(P, n)`, one row per candidate.
        labels: `(n,)`, higher is better.
        places: Number of places that count.

    Returns:
        `(P,)`, 1 if the best architectures take the first places. NaN if a score is not finite or all labels are equal.

    Example:
        >>> ndcg([[1, 2, 3], [3, 2, 1], [1, 1, 1]], [10, 20, 30], places=1).tolist()
        [1.0, 0.0, 0.5]
    """
    rows, values = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    span = np.ptp(values) if len(values) > 1 else 0.0
    if not span > 0:
        return np.full(len(rows), np.nan)
    gains = (values - values.min()) / span
    discounts = np.where(np.arange(len(values)) < places, 1 / np.log2(np.arange(len(values)) + 2), 0.0)
    best = np.sort(gains)[::-1] @ discounts
    return np.array([_gained(row, gains, discounts) / best if np.isfinite(row).all() else np.nan for row in rows])


def _gained(scores: Floats, gains: Floats, discounts: Floats) -> float:
    """Sums the discounted gains in the order of scores; ties get their mean gain."""
    _, groups, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    means = np.bincount(groups, weights=gains) / sizes
    return float(np.repeat(means, sizes) @ discounts)


def top_regret(scores: npt.ArrayLike, labels: npt.ArrayLike) -> Floats:
    """Returns the difference between the best label and that of the first place; ties for the first place are averaged.

    Args:
        scores: `(P, n)`, one row per candidate.
        labels: `(n,)`, higher is better.

    Returns:
        `(P,)`, in the unit of the labels, 0 if the first place is the best. NaN if a score is not finite.

    Example:
        >>> top_regret([[1, 2, 3], [3, 2, 1], [1, 3, 3]], [10, 20, 30]).tolist()
        [0.0, 20.0, 5.0]
    """
    rows, values = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    regrets = np.full(len(rows), np.nan)
    for index, row in enumerate(rows):
        if len(row) and np.isfinite(row).all():
            regrets[index] = values.max() - values[row == row.max()].mean()
    return regrets

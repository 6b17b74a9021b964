"""Intervals by the paired bootstrap over architectures, exact and without a loop over resamples."""

import numpy as np
import numpy.typing as npt

from autoprox.base.arrays import Floats
from autoprox.metrics._correlation import checked_scores


def resample_counts(n: int, resamples: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draws the count of each architecture in each bootstrap sample of n out of n with replacement.

    All compared proxies use the same counts (a paired bootstrap), so that a difficult sample is difficult for all of
    them.

    Returns:
        `(B, n)`; every row sums to `n`.

    Example:
        >>> counts = resample_counts(5, 3, np.random.default_rng(0))
        >>> counts.shape, counts.sum(axis=1).tolist()
        ((3, 5), [5, 5, 5])
    """
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples)


def bootstrap_taus(scores: npt.ArrayLike, target: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Kendall's tau-b of every candidate on every resampled set of architectures.

    With w the counts of a resample, `X_ij = sign(x_i - x_j)` and Y alike,
    `tau_b = w'(X * Y)w / sqrt(w'|X|w w'|Y|w)`, where the product inside is element by element. Two copies of one
    architecture are tied in both, because the diagonals are zero, so this is exactly tau-b of the resampled arrays.

    Args:
        scores: `(P, n)`, one row per candidate.
        target: `(n,)`.
        weights: `(B, n)` counts, such as those of `resample_counts`.

    Returns:
        `(P, B)`. NaN where tau is undefined because scores or target are constant in the resample. A candidate with a
        value that is not finite is NaN throughout; a target with one makes all values NaN.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> bootstrap_taus([[1, 2, 3]], [1, 3, 2], [[1, 1, 1], [2, 1, 0], [0, 3, 0]]).round(3).tolist()
        [[0.333, 1.0, nan]]
    """
    x, y = checked_scores(scores, target)
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 2 or w.shape[1] != len(y):
        raise ValueError(f"Expected weights of shape (B, {len(y)}), one column per architecture, but got {w.shape}.")
    taus = np.full((len(x), len(w)), np.nan)
    if not np.isfinite(y).all():
        return taus
    sign_y = _pair_signs(y)
    untied_y = _forms(w, np.abs(sign_y))
    for row, out in zip(x, taus, strict=True):
        if np.isfinite(row).all():
            sign_x = _pair_signs(row)
            norm = np.sqrt(_forms(w, np.abs(sign_x)) * untied_y)
            np.divide(_forms(w, sign_x * sign_y), norm, out=out, where=norm > 0)
    return taus


def interval95(samples: npt.ArrayLike) -> Floats:
    """The central 95 % of samples along the last axis: their 2.5 and 97.5 percentiles.

    Args:
        samples: `(..., B)`. NaN, the result of a resample with constant values, is ignored.

    Returns:
        `(..., 2)`, low and high; NaN where no sample is defined.

    Example:
        >>> interval95(np.arange(1001)).tolist()
        [25.0, 975.0]
    """
    values = np.asarray(samples, dtype=np.float64)
    rows = values.reshape(-1, values.shape[-1])
    out = np.full((len(rows), 2), np.nan)
    for row, interval in zip(rows, out, strict=True):
        defined = row[~np.isnan(row)]
        if defined.size:
            interval[:] = np.quantile(defined, (0.025, 0.975))
    return out.reshape((*values.shape[:-1], 2))


def _pair_signs(values: Floats) -> Floats:
    """`(n, n)`: 1 if the row's value is greater, -1 if the column's value is greater, 0 for ties."""
    return np.greater.outer(values, values).astype(np.float64) - np.less.outer(values, values)


def _forms(w: Floats, matrix: Floats) -> Floats:
    """Quadratic form w' M w of every row w: sums of integers, so exact in float64."""
    return np.asarray(((w @ matrix) * w).sum(axis=1))

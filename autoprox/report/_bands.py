"""Correlation of scores within one size: tau in each third of a block by number of parameters."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from autoprox.base.arrays import Floats
from autoprox.metrics import kendall_tau_b

BANDS = ("smallest third", "middle third", "largest third")

FEWEST = 5
"""Fewest architectures of a third; with fewer, tau has only a few possible values."""


def thirds(params: npt.ArrayLike) -> list[npt.NDArray[np.int64]]:
    """The architectures of each third by number of parameters, smallest first; sizes differ by at most one.

    Args:
        params: `(n,)`.

    Returns:
        Three index arrays. Equal numbers keep their order.

    Example:
        >>> [each.tolist() for each in thirds([50, 10, 20, 40, 30, 60, 70])]
        [[1, 2, 4], [3, 0], [5, 6]]
    """
    order = np.argsort(np.asarray(params), kind="stable")
    return [np.asarray(each) for each in np.array_split(order, len(BANDS))]


def band_taus(scores: npt.ArrayLike, goodness: npt.ArrayLike, params: npt.ArrayLike) -> Floats:
    """Kendall's tau-b of scores with labels within each third by number of parameters.

    Args:
        scores: `(P, n)`, one row per scorer.
        goodness: `(n,)`, labels; higher is better.
        params: `(n,)`, numbers of parameters.

    Returns:
        `(P, 3)`; NaN if a third has fewer than `FEWEST` architectures, or if scores or labels are constant in it.

    Example:
        >>> sizes = range(15)
        >>> band_taus([sizes, [-each for each in sizes]], sizes, sizes).tolist()
        [[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]]
    """
    rows, labels = np.asarray(scores, dtype=np.float64), np.asarray(goodness, dtype=np.float64)
    taus = np.full((len(rows), len(BANDS)), np.nan)
    for column, own in enumerate(thirds(params)):
        if len(own) >= FEWEST:
            taus[:, column] = kendall_tau_b(rows[:, own], labels[own])
    return taus


def joined_bands(by_block: Sequence[tuple[Floats, Floats, Floats]], joint: Callable[[Floats], Floats]) -> Floats:
    """Tau within thirds, joined over blocks; each block has its own thirds.

    Args:
        by_block: Scores `(P, n)`, labels `(n,)` and parameters `(n,)` of each block.
        joint: Joins correlations, `(..., D)` -> `(...)`.

    Returns:
        `(P, 3)`; NaN if the tau of a block is NaN.
    """
    return joint(np.stack([band_taus(*each) for each in by_block], axis=-1))

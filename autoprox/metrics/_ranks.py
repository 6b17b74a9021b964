"""Several rankings combined into one."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from autoprox.base.arrays import Floats


def mean_ranks(scores: npt.ArrayLike) -> Floats:
    """Averages the ranks of several score vectors, scaled to (0, 1]; ties get their mean rank.

    Args:
        scores: `(P, n)`, one row per scorer.

    Returns:
        `(n,)`; NaN where a scorer has no finite value. Values that are not finite do not affect the ranks of others.

    Example:
        >>> mean_ranks([[10, 20, 30, 40], [1, 3, 2, 4]]).tolist()
        [0.25, 0.625, 0.625, 1.0]
    """
    x = np.asarray(scores, dtype=np.float64)
    ranks = stats.rankdata(np.where(np.isfinite(x), x, np.nan), axis=1, nan_policy="omit")
    return np.asarray((ranks / np.maximum(np.isfinite(x).sum(axis=1, keepdims=True), 1)).mean(axis=0))

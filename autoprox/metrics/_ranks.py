"""Several rankings as one."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from autoprox.base.arrays import Floats


def mean_ranks(scores: npt.ArrayLike) -> Floats:
    """The mean over score vectors of the ranks that each gives, ties averaged, scaled to (0, 1].

    Args:
        scores: `(P, n)`, one row a scorer.

    Returns:
        `(n,)`; NaN where a scorer has no finite value. What is not finite takes no rank from the others.

    Example:
        >>> mean_ranks([[10, 20, 30, 40], [1, 3, 2, 4]]).tolist()
        [0.25, 0.625, 0.625, 1.0]
    """
    x = np.asarray(scores, dtype=np.float64)
    ranks = stats.rankdata(np.where(np.isfinite(x), x, np.nan), axis=1, nan_policy="omit")
    return np.asarray((ranks / np.maximum(np.isfinite(x).sum(axis=1, keepdims=True), 1)).mean(axis=0))

"""Correlation that the best of many candidates reaches by chance alone."""

import numpy as np
import numpy.typing as npt
from scipy import special

_EXACT_UP_TO = 200
# The exact distribution takes O(n^3) steps (0.05 s at n = 200). There the normal one gives an expected best that is
# 0.7 % higher for 20,000 candidates and 1 % for a million; it nears the exact one as n grows.

_GRID = 20_001
# Points of the numerical integral over |tau| in [0, 1] where the normal distribution is used.


def chance_of_best(n: int, candidates: int) -> float:
    """Expected best `|tau|` of so many random score vectors against n architectures.

    What a search has to beat before its best candidate says anything: the more candidates are tried and the fewer
    architectures there are, the higher it is. Nothing is simulated: the null distribution of tau is that of the number
    of inversions of a random permutation (Kendall 1938; exact up to n = 200, above it normal with variance
    2 (2n + 5) / (9 n (n - 1))), and the expectation of the best of K independent ones is the integral of 1 - F(t)^K.
    Ties in the target are not taken into account. The candidates of a search depend on each other, so that the level
    for them lies below this one.

    Args:
        n: Architectures, at least 2.
        candidates: Random score vectors, at least 1.

    Raises:
        ValueError: If one of them is smaller.

    Example:
        >>> round(chance_of_best(60, 1000), 2), round(chance_of_best(100, 1000), 2)
        (0.3, 0.23)
    """
    if n < 2 or candidates < 1:
        raise ValueError(f"Expected n >= 2 architectures and >= 1 candidate, but got {n} and {candidates}.")
    if n > _EXACT_UP_TO:
        deviation = np.sqrt(2 * (2 * n + 5) / (9 * n * (n - 1)))
        grid = np.linspace(0, 1, _GRID)
        inside = special.erf(grid / (deviation * np.sqrt(2)))
        return float(np.trapezoid(1 - inside**candidates, grid))
    pairs = n * (n - 1) // 2
    levels, level_of = np.unique(np.abs(pairs - 2 * np.arange(pairs + 1)), return_inverse=True)
    inside = np.cumsum(np.bincount(level_of, weights=_inversions(n)))
    best = np.diff(np.clip(inside, 0, 1) ** candidates, prepend=0.0)
    return float((best * levels).sum() / pairs)


def _inversions(n: int) -> npt.NDArray[np.float64]:
    """Probability of 0, 1, ..., n (n - 1) / 2 inversions in a random permutation: uniform steps convolved."""
    chances = np.ones(1)
    for k in range(2, n + 1):
        # The k-th element makes 0 to k - 1 inversions, all equally likely: a moving mean by differences of a sum.
        sums = np.cumsum(np.pad(chances, (0, k - 1)))
        chances = (sums - np.pad(sums, (k, 0))[: len(sums)]) / k
    return chances

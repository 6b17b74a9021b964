"""Correlation that the best of many random candidates reaches."""

import numpy as np
import numpy.typing as npt
from scipy import special

_EXACT_UP_TO = 200
# The exact distribution takes O(n^3) steps (0.05 s at n = 200). At n = 200, the normal approximation of the expected
# best is 0.7 % too high for 20,000 candidates and 1 % for a million; it improves as n grows.

_GRID = 20_001
# Points of the numerical integral over |tau| in [0, 1] where the normal distribution is used.


def chance_of_best(n: int, candidates: int) -> float:
    """Returns the expected best `|tau|` of random score vectors against a target of n architectures.

    The best candidate of a search is meaningful only above this level, which rises with the number of candidates and
    falls with the number of architectures. Nothing is simulated: the null distribution of tau follows from the number
    of inversions of a random permutation (Kendall 1938; exact up to n = 200, above that normal with variance 2 (2n + 5)
    / (9 n (n - 1))), and the expected best of K independent candidates is the integral of 1 - F(t)^K. Ties in the
    target are ignored. The candidates of a search depend on each other, so their level is lower.

    Args:
        n: Number of architectures, at least 2.
        candidates: Number of random score vectors, at least 1.

    Raises:
        ValueError: If an argument is smaller.

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

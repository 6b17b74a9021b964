"""Rank correlations of a whole population of candidates with one target."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from autoprox.base.arrays import Floats
from autoprox.metrics._discordance import Ranks, discordant_pairs, tied_pairs

PAIRWISE_UP_TO = 96
"""Number of architectures up to which all pairs are compared; above it, pairs are counted by sorting.

Measured with 64 candidates and one target (microseconds per candidate; pairwise, by sorting, SciPy one by one):
n = 64: 3.6, 4.9, 250; n = 128: 8.8, 7.5, 290; n = 256: 33, 13, 310; n = 1,000: 390, 100, 400; n = 10,000: sorting
1,300, SciPy 2,100. A second target costs about half as much.
"""

_BITS_AT_ONCE = 1 << 19
# The number of candidates compared at once is chosen so that the booleans (one byte each) fit into the second-level
# cache; four times as many or as few was up to 40 % slower at n = 256.

_NOTHING_LEFT = 1e-12
# 1 - tau^2 below this is a rounding error of tau = +-1: one discordant pair among a million architectures gives 8e-12.


def kendall_tau_b(scores: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Kendall's tau-b of every candidate with one or several targets, equal to SciPy's.

    tau_b = (C - D) / sqrt((m - t_x)(m - t_y)) over the m = n (n - 1) / 2 pairs of architectures, C of them concordant,
    D discordant, t_x tied in the scores and t_y tied in the target (Kendall 1945).

    Args:
        scores: `(P, n)`, one row per candidate.
        target: `(n,)`, or `(D, n)` for several label vectors of the same architectures; candidates are ranked only
            once.

    Returns:
        `(P,)`, or `(P, D)`. NaN where tau is undefined: fewer than two architectures, a constant row or target, or a
        value that is not finite.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> kendall_tau_b([[1, 2, 3, 4], [4, 3, 2, 1], [1, 1, 1, 1]], [10, 20, 30, 40]).tolist()
        [1.0, -1.0, nan]
        >>> kendall_tau_b([[1, 2, 3, 4], [4, 3, 2, 1]], [[10, 20, 30, 40], [1, 2, 4, 3]]).round(2).tolist()
        [[1.0, 0.67], [-1.0, -0.67]]
    """
    targets = np.asarray(target, dtype=np.float64)
    several = targets.ndim == 2
    x, y = checked_scores(scores, targets[0] if several and len(targets) else targets)
    targets = targets if several else y[None]
    taus = np.full((len(x), len(targets)), np.nan)
    rows, columns = np.isfinite(x).all(axis=1), np.isfinite(targets).all(axis=1)
    if x.shape[1] >= 2 and rows.any() and columns.any():
        count = _pairwise if x.shape[1] <= PAIRWISE_UP_TO else _by_sorting
        taus[np.ix_(rows, columns)] = count(dense_ranks(x[rows]), dense_ranks(targets[columns]))
    return taus if several else taus[:, 0]


def kendall_tau_a(scores: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Kendall's tau-a of every candidate with one target: (C - D) / m, so ties count as zero.

    Tau-b ignores the pairs that a score ties, so it favours scores with few distinct values; tau-a does not.

    Args:
        scores: `(P, n)`, one row per candidate.
        target: `(n,)`.

    Returns:
        `(P,)`, NaN where `kendall_tau_b` is.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> scores = [[1, 2, 3, 4], [1, 1, 2, 2]]
        >>> kendall_tau_a(scores, [10, 20, 30, 40]).round(2).tolist()
        [1.0, 0.67]
        >>> kendall_tau_b(scores, [10, 20, 30, 40]).round(2).tolist()
        [1.0, 0.82]
    """
    x, y = checked_scores(scores, target)
    pairs = x.shape[1] * (x.shape[1] - 1) / 2
    if not pairs:
        return np.full(len(x), np.nan)
    told = np.array([1 - _tied(row) / pairs for row in x])
    return np.asarray(kendall_tau_b(x, y) * np.sqrt(told * (1 - _tied(y) / pairs)))


def _tied(values: Floats) -> float:
    """Number of tied pairs."""
    counts = np.unique(values, return_counts=True)[1]
    return float((counts * (counts - 1) / 2).sum())


def spearman(scores: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Spearman's rank correlation of every candidate with one target; ties get their mean rank.

    Args:
        scores: `(P, n)`, one row per candidate.
        target: `(n,)`.

    Returns:
        `(P,)`, NaN where `kendall_tau_b` is.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> spearman([[1, 2, 3, 4], [2, 1, 4, 3]], [10, 20, 30, 40]).round(3).tolist()
        [1.0, 0.6]
    """
    x, y = checked_scores(scores, target)
    rhos = np.full(len(x), np.nan)
    valid = np.isfinite(x).all(axis=1)
    if x.shape[1] < 2 or not np.isfinite(y).all() or not valid.any():
        return rhos
    # The mean rank is (n + 1) / 2 with any ties, so centring is exact: halves are exact in float64.
    mean = (x.shape[1] + 1) / 2
    ranks_x = stats.rankdata(x[valid], axis=1) - mean
    ranks_y = stats.rankdata(y) - mean
    norm = np.sqrt(np.square(ranks_x).sum(axis=1) * np.square(ranks_y).sum())
    rhos[valid] = _ratio(ranks_x @ ranks_y, norm)
    return rhos


def partial_tau(tau_xy: npt.ArrayLike, tau_xz: npt.ArrayLike, tau_yz: npt.ArrayLike) -> Floats:
    """Kendall's partial tau: the correlation of x and y given z.

    (t_xy - t_xz t_yz) / sqrt((1 - t_xz^2) (1 - t_yz^2)), Kendall 1942. With a proxy as x, the accuracy as y and the
    number of parameters as z, it measures the information of the proxy beyond size.

    Args:
        tau_xy: tau-b of score and target, of any shape.
        tau_xz: tau-b of score and control.
        tau_yz: tau-b of target and control.

    Returns:
        Array of the arguments' common shape. NaN where an argument is NaN, and where x or y ranks exactly as z.

    Example:
        >>> float(partial_tau(0.5, 0.0, 0.3).round(3)), float(partial_tau(0.5, 0.8, 0.6).round(3))
        (0.524, 0.042)
    """
    xy, xz, yz = (np.asarray(tau, dtype=np.float64) for tau in (tau_xy, tau_xz, tau_yz))
    left = np.minimum(1 - xz**2, 1 - yz**2)
    norm = np.sqrt(np.abs((1 - xz**2) * (1 - yz**2)))
    return _ratio(xy - xz * yz, np.where(left > _NOTHING_LEFT, norm, 0.0))


def checked_scores(scores: npt.ArrayLike, target: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Converts scores and target to float64 arrays of shapes `(P, n)` and `(n,)`.

    Raises:
        ValueError: If they have other shapes.

    Example:
        >>> [array.shape for array in checked_scores([[1, 2, 3]], [4, 5, 6])]
        [(1, 3), (3,)]
    """
    x = np.asarray(scores, dtype=np.float64)
    y = np.asarray(target, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 1 or x.shape[1] != len(y):
        raise ValueError(
            f"Expected scores of shape (P, n) and a target of shape (n,), but got {x.shape} and {y.shape}; "
            f"give one row per candidate and one column per architecture of the target."
        )
    return x, y


def dense_ranks(x: Floats) -> Ranks:
    """Ranks each row without gaps, from 0: small integers compare several times faster than floats, with the same ties.

    Args:
        x: `(P, n)`, finite.

    Returns:
        `(P, n)`, with 16 bits if they can hold n, otherwise 32.

    Example:
        >>> dense_ranks(np.array([[0.5, 0.1, 0.5, 7.0]])).tolist()
        [[1, 0, 1, 2]]
    """
    order = np.argsort(x, axis=1)
    ordered = np.take_along_axis(x, order, axis=1)
    steps = np.zeros(x.shape, dtype=np.int16 if x.shape[1] <= np.iinfo(np.int16).max else np.int32)
    np.cumsum(ordered[:, 1:] != ordered[:, :-1], axis=1, out=steps[:, 1:])
    ranks = np.empty_like(steps)
    np.put_along_axis(ranks, order, steps, axis=1)
    return ranks


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divides; NaN without a warning where the denominator is 0 or NaN."""
    out = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    return np.asarray(np.divide(numerator, denominator, out=out, where=denominator > 0))


def _pairwise(ranks: Ranks, targets: Ranks) -> Floats:
    """Compares all ordered pairs; each comparison is one bit, and concordant pairs are counted by population count.

    Over ordered pairs (i, j), #(x_i > x_j and y_i > y_j) = C and #(x_i > x_j and y_i < y_j) = D, so one table of
    "greater" bits per candidate suffices; ties count in neither.
    """
    candidates, n = ranks.shape
    above = np.packbits(_greater(targets), axis=1)
    below = np.packbits(_greater(-targets), axis=1)
    untied_y = _ones(above)
    surplus = np.empty((candidates, len(targets)))
    untied_x = np.empty(candidates)
    step = max(1, _BITS_AT_ONCE // (n * n))
    for start in range(0, candidates, step):
        part = slice(start, start + step)
        bits = np.packbits(_greater(ranks[part]), axis=1)
        untied_x[part] = _ones(bits)
        for column in range(len(targets)):
            surplus[part, column] = _ones(bits & above[column]) - _ones(bits & below[column])
    return _tau_b(surplus, untied_x, untied_y)


def _by_sorting(ranks: Ranks, targets: Ranks) -> Floats:
    """Knight's algorithm (1966): C - D = m - t_x - t_y + t_xy - 2 D, with D and the ties found by sorting."""
    n = ranks.shape[1]
    pairs = n * (n - 1) // 2
    untied_x = pairs - tied_pairs(np.sort(ranks, axis=1))
    untied_y = pairs - tied_pairs(np.sort(targets, axis=1))
    surplus = np.empty((len(ranks), len(targets)))
    for column, target in enumerate(targets):
        discordant, tied = discordant_pairs(ranks, target)
        surplus[:, column] = untied_x + untied_y[column] - pairs + tied - 2 * discordant
    return _tau_b(surplus, untied_x.astype(np.float64), untied_y)


def _tau_b(surplus: Floats, untied_x: Floats, untied_y: npt.NDArray[np.int64]) -> Floats:
    return _ratio(surplus, np.sqrt(untied_x[:, None] * untied_y))


def _greater(ranks: Ranks) -> npt.NDArray[np.bool_]:
    """True for each ordered pair of a row with a greater first value, `(P, n)` -> `(P, n * n)`."""
    return np.greater(ranks[:, :, None], ranks[:, None, :]).reshape(len(ranks), -1)


def _ones(bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Counts the set bits along the last axis."""
    return np.asarray(np.bitwise_count(bits).sum(axis=-1, dtype=np.int64))

"""Ceiling of a block: the tau that a perfect score reaches with labels that carry the noise of a few seeds.

Model: the label of architecture i and seed k is y_ik = t_i + e_ik, with t and e normal after a monotone transformation
(tau is invariant to it). For normal pairs of correlation r, Greiner's relation gives tau = 2/pi arcsin(r). Hence

    one seed   the tau between two single seeds gives their correlation r = sin(pi tau / 2), the reliability of one;
    K seeds    their mean has the reliability r_K = K r / (1 + (K - 1) r) (Spearman 1910, Brown 1910);
    ceiling    a score equal to t correlates with that mean by sqrt(r_K), so that its tau is 2/pi arcsin(sqrt(r_K)).

A perfect score here is the mean over infinitely many seeds, for the same training and test images. The tests compare
with simulations. For architectures with different numbers of seeds, K is the harmonic mean of these numbers, since the
variance of the noise is proportional to 1/K.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from autoprox.base.arrays import Floats
from autoprox.base.digest import derived_seed
from autoprox.metrics import bootstrap_taus, interval95

METHOD = (
    "seed_tau: Kendall tau between single seeds, mean over the pairs of seeds that all architectures have; "
    "sin(pi tau / 2) is the reliability of one seed; Spearman-Brown gives that of the mean of K seeds; ceiling = 2/pi "
    "arcsin(sqrt(reliability of the mean)), the expected tau of the mean over infinitely many seeds with the mean of "
    "the K; interval: bootstrap over architectures"
)

RESAMPLES = 500
COVERAGE = 0.9
"""Minimum number of architectures of a pair of seeds, as a share of the largest number of any pair."""

MIN_ARCHS = 5
"""Minimum number of architectures for a ceiling; a tau over fewer is meaningless."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Reliability of the labels of a block.

    Attributes:
        seed_tau: Mean Kendall tau-b between two single seeds.
        ceiling: Expected Kendall tau of a perfect score with the mean of the seeds.
        ceiling_ci95: 95 % interval of the ceiling, from a bootstrap over architectures.
        seeds: Harmonic mean of the number of seeds per architecture.
    """

    seed_tau: float
    ceiling: float
    ceiling_ci95: tuple[float, float]
    seeds: float


def ceiling_of(seed_tau: float, seeds: float) -> float:
    """The expected tau of a perfect score with the mean of K seeds.

    Args:
        seed_tau: Kendall tau between two single seeds.
        seeds: K, not necessarily whole.

    Returns:
        The ceiling; 0 where seeds do not agree at all.

    Example:
        >>> round(ceiling_of(0.58, 4), 2)
        0.84
    """
    reliability = np.sin(np.pi / 2 * max(seed_tau, 0.0))
    of_mean = seeds * reliability / (1 + (seeds - 1) * reliability)
    return float(2 / np.pi * np.arcsin(np.sqrt(min(of_mean, 1.0))))


def ceiling(labels: Sequence[Sequence[float]]) -> Ceiling | None:
    """Estimates the ceiling of a block.

    Args:
        labels: For each architecture, the values of its seeds (at least one) in the order of the seeds.

    Returns:
        The ceiling, or None if it cannot be estimated: with one seed, with fewer than `MIN_ARCHS` architectures with
        two seeds, or with constant labels.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> truth = rng.normal(size=200)
        >>> estimate = ceiling(truth[:, None] + 0.3 * rng.normal(size=(200, 3)))
        >>> round(estimate.seed_tau, 2), round(estimate.ceiling, 2)
        (0.74, 0.89)
    """
    counts = np.array([len(values) for values in labels])
    matrix = np.full((len(labels), int(counts.max(initial=0))), np.nan)
    for row, values in zip(matrix, labels, strict=True):
        row[: len(values)] = values
    rng = np.random.default_rng(derived_seed("ceiling", len(labels)))
    chosen = rng.integers(len(labels), size=(RESAMPLES, len(labels)))
    weights = np.array([np.bincount(rows, minlength=len(labels)) for rows in chosen])
    seed_tau, *resampled = _seed_taus(matrix, np.vstack([np.ones_like(counts), weights])).tolist()
    if np.isnan(seed_tau):
        return None
    seeds = len(counts) / float((1 / counts).sum())
    samples = [ceiling_of(tau, seeds) for tau in resampled if np.isfinite(tau)]
    low, high = interval95(np.array(samples))
    return Ceiling(seed_tau, ceiling_of(seed_tau, seeds), (float(low), float(high)), seeds)


def _seed_taus(matrix: Floats, weights: npt.NDArray[np.int64]) -> Floats:
    """Mean tau-b over pairs of columns, each over the rows that have both, for several samples of the rows.

    Where a stratum has more seeds than the rest, pairs of seeds that only this stratum has are skipped: they measure
    the agreement within the stratum, not in the block.

    Args:
        matrix: `(n, K)`, NaN where a row has no such seed.
        weights: `(B, n)`, multiplicity of each row in each sample.

    Returns:
        `(B,)`, NaN where no pair of columns has a tau.
    """
    present = np.isfinite(matrix)
    pairs = [(pair, present[:, pair].all(axis=1)) for pair in combinations(range(matrix.shape[1]), 2)]
    if not pairs:
        return np.full(len(weights), np.nan)
    sizes = np.array([weights[:, both].sum(axis=1) for _, both in pairs])
    taus = np.array(
        [
            bootstrap_taus(matrix[both, first][None], matrix[both, second], weights[:, both])[0]
            for (first, second), both in pairs
        ]
    )
    enough = np.maximum(MIN_ARCHS, COVERAGE * sizes.max(axis=0))
    counted = np.where((sizes >= enough) & np.isfinite(taus), sizes, 0)
    means = np.full(len(weights), np.nan)
    total = counted.sum(axis=0)
    np.divide((np.nan_to_num(taus) * counted).sum(axis=0), total, out=means, where=total > 0)
    return means

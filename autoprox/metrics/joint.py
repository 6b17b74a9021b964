"""Joint value of a candidate's correlations with several blocks."""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from autoprox.base.arrays import Floats
from autoprox.base.errors import SpecError, suggestion


class Aggregate(StrEnum):
    """Aggregate of the correlations with several blocks."""

    MEAN = "mean"
    """The mean over the blocks of a space, then over the spaces: a space with many blocks does not dominate."""
    MIN = "min"
    """The worst block."""
    WEIGHTED = "weighted"
    """The weighted mean over blocks."""


def joint(
    taus: npt.ArrayLike,
    spaces: Sequence[str],
    aggregate: str = Aggregate.MEAN,
    weights: Sequence[float] | None = None,
) -> Floats:
    """Combines the signed correlations with D blocks into one value.

    The published form is the mean of `|tau|` over data sets (Wei 2024, as in its code). The absolute value is omitted
    here, because a proxy with a different sign per data set cannot be used.

    Args:
        taus: `(..., D)`, signed correlations, one column per block.
        spaces: `D` names, the space of each block.
        aggregate: A member of `Aggregate`, or its name.
        weights: `D` weights of at least 0, for "weighted" only; they are divided by their sum.

    Returns:
        `(...)`. NaN if any correlation is NaN: a candidate that is undefined on one block has no joint value.

    Raises:
        SpecError: If the aggregate is unknown, or the weights are missing, superfluous, of the wrong number, negative,
            not finite, or all zero.
        ValueError: If there is no block, or not one space per block.

    Example:
        >>> joint([0.2, 0.4, 0.9], ["pit", "pit", "autoformer"]).round(3).item()
        0.6
        >>> joint([0.2, 0.4, 0.9], ["pit", "pit", "autoformer"], "min").item()
        0.2
    """
    values = np.asarray(taus, dtype=np.float64)
    if values.ndim == 0 or values.shape[-1] != len(spaces) or not len(spaces):
        raise ValueError(
            f"Expected taus of shape (..., D) and D >= 1 spaces, but got {values.shape} and {len(spaces)} spaces."
        )
    if aggregate not in list(Aggregate):
        raise SpecError(f"Unknown aggregate '{aggregate}' of blocks. {suggestion(aggregate, list(Aggregate))}")
    if weights is not None and aggregate != Aggregate.WEIGHTED:
        raise SpecError(f"Weights of blocks were given, but the aggregate '{aggregate}' uses none; choose 'weighted'.")
    if aggregate == Aggregate.MIN:
        return np.asarray(values.min(axis=-1))
    shares = _space_shares(spaces) if aggregate == Aggregate.MEAN else _weight_shares(weights, len(spaces))
    # A sum in the order of the blocks, not a matrix product: the result is bit-identical for any number of candidates.
    return np.asarray((values * shares).sum(axis=-1))


def _space_shares(spaces: Sequence[str]) -> Floats:
    """Weight of each block for a mean within spaces, then over spaces."""
    blocks = {space: spaces.count(space) for space in spaces}
    return np.array([1 / (blocks[space] * len(blocks)) for space in spaces])


def _weight_shares(weights: Sequence[float] | None, blocks: int) -> Floats:
    """The given weights, checked and divided by their sum."""
    if weights is None:
        raise SpecError(f"The aggregate 'weighted' needs weights; give {blocks} numbers, one per block.")
    shares = np.asarray(weights, dtype=np.float64)
    if shares.shape != (blocks,):
        raise SpecError(f"Got {shares.size} weights for {blocks} blocks; give one per block.")
    if not np.isfinite(shares).all() or (shares < 0).any() or shares.sum() == 0:
        raise SpecError(f"The weights of blocks are {shares.tolist()}; give finite ones, none negative, not all zero.")
    return np.asarray(shares / shares.sum())

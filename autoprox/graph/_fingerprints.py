"""Digests of rankings, so that only one of several score vectors with the same ranking is evaluated."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.metrics import dense_ranks

_DIGEST_BYTES = 16


def rank_fingerprints(scores: Floats | Sequence[Floats], *, sign_free: bool = True) -> list[bytes | None]:
    """Digests rankings: two score vectors have equal digests if, and only if, they rank all networks alike.

    Ties are part of a ranking. Equal rankings have bit-identical rank correlations with any labels, so duplicates need
    no evaluation and no second place in a hall of fame.

    Args:
        scores: `(P, A)`, or one such array per block if only rankings within blocks matter (`Judge.by_block`).
        sign_free: Treats a ranking and its reverse as equal, for proxies that get their sign later, one for all blocks.

    Returns:
        `P` digests of 16 bytes, comparable between calls on the same networks; None for a vector that is not finite
        everywhere.

    Raises:
        ValueError: If there is no block, or blocks have different numbers of rows.

    Example:
        >>> scores = np.array([[1, 5, 5], [-2, 0, 0], [3, 1, 1], [1, 2, 3]])
        >>> first, second, third, fourth = rank_fingerprints(scores)
        >>> first == second == third, first == fourth
        (True, False)
        >>> first, _, third, _ = rank_fingerprints(scores, sign_free=False)
        >>> first == third
        False
    """
    blocks = [scores] if isinstance(scores, np.ndarray) else list(scores)
    if not blocks or len({len(block) for block in blocks}) > 1:
        raise ValueError(f"Expected blocks with one row per candidate, but got {[block.shape for block in blocks]}.")
    finite = np.logical_and.reduce([np.isfinite(block).all(axis=1) for block in blocks])
    ranks = [dense_ranks(np.where(finite[:, None], block, 0.0)) for block in blocks]
    upward = np.concatenate(ranks, axis=1)
    if sign_free and upward.shape[1]:
        downward = np.concatenate([each.max(axis=1, keepdims=True, initial=0) - each for each in ranks], axis=1)
        rows = np.arange(len(upward))
        first_difference = np.argmax(upward != downward, axis=1)
        turned = upward[rows, first_difference] > downward[rows, first_difference]
        upward = np.where(turned[:, None], downward, upward)
    return [
        blake2b(row.tobytes(), digest_size=_DIGEST_BYTES).digest() if defined else None
        for row, defined in zip(upward, finite, strict=True)
    ]

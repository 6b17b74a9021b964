"""Which score vectors rank alike: a digest of the ranking, so that one of several is enough to be judged."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.metrics import dense_ranks

_DIGEST_BYTES = 16


def rank_fingerprints(scores: Floats | Sequence[Floats], *, sign_free: bool = True) -> list[bytes | None]:
    """Digests of rankings: two score vectors have the same one if, and only if, they rank all networks alike.

    Ties are part of a ranking. Equal rankings have equal rank correlations with anything, to the last bit; so the
    second of them need not be correlated with labels, or does not deserve a second place in a hall of fame.

    Args:
        scores: `(P, A)`; or one such array a block, where only the rankings within blocks matter (`Judge.by_block`).
        sign_free: Whether a ranking and its reverse are the same one, as they are where the sign of a proxy is chosen
            afterwards: one sign for all blocks.

    Returns:
        `P` digests of 16 bytes that can be compared between calls on the same networks; None for a vector that is not
        finite everywhere, which has no ranking.

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

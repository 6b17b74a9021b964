"""Discordant pairs between many rankings and one target, by sorting, for Kendall's tau-b of long score vectors.

Knight (1966) sorts by the target and counts the remaining inversions of the scores by merging. Merging is slow in
NumPy, so inversions are counted by chunks instead: the places and the values of a permutation of n numbers are divided
into about sqrt(n) chunks each. Pairs in different chunks of both are counted from a table of the numbers per pair of
chunks; pairs that share a chunk of places or of values are compared directly. This takes O(n log n) for the sorts and
O(n^1.5) comparisons, thirty-two per instruction: at n = 10,000 the sorts still take longer.
"""

import numpy as np
import numpy.typing as npt

Ranks = npt.NDArray[np.signedinteger]

_AT_ONCE = 1 << 18
# Numbers processed at once: a few such arrays of 16-bit numbers fit into the second-level cache.


def tied_pairs(ordered: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Counts pairs of equal numbers in each sorted row, `(P, n)` -> `(P,)`.

    Example:
        >>> tied_pairs(np.array([[1, 1, 1, 2], [1, 2, 3, 4]])).tolist()
        [3, 0]
    """
    fresh = ordered[:, 1:] != ordered[:, :-1]
    tied = ~fresh.all(axis=1)
    pairs = np.zeros(len(ordered), dtype=np.int64)
    index = np.arange(1, ordered.shape[1])
    starts = np.maximum.accumulate(np.where(fresh[tied], index, 0), axis=1)
    pairs[tied] = (index - starts).sum(axis=1)
    return pairs


def discordant_pairs(ranks: Ranks, target: Ranks) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Counts the discordant pairs of each row with the target, and the pairs tied in both.

    Args:
        ranks: `(P, n)`, ranks of each row from 0 to at most n - 1, ties allowed.
        target: `(n,)`, ranks of the target, likewise.

    Returns:
        Discordant pairs and pairs tied in both, `(P,)` each.

    Example:
        >>> discordant_pairs(np.array([[0, 1, 2, 2], [2, 1, 0, 0]]), np.array([0, 1, 2, 2]))
        (array([0, 5]), array([1, 1]))
    """
    rows, n = ranks.shape
    discordant, tied = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    order = np.argsort(target, kind="stable")
    groups = target[order].astype(np.int64) * n
    has_ties = bool((groups[1:] == groups[:-1]).any())
    step = max(1, _AT_ONCE // n)
    for start in range(0, rows, step):
        part = slice(start, start + step)
        sequence = ranks[part, order]
        if has_ties:
            # Scores ascend among places tied in the target, so no inversion is counted there.
            keys = np.sort(groups + sequence, axis=1)
            tied[part] = tied_pairs(keys)
            sequence = (keys - groups).astype(ranks.dtype)
        discordant[part] = _inversions(sequence)
    return discordant, tied


def _inversions(sequence: Ranks) -> npt.NDArray[np.int64]:
    """Counts pairs of a row with the larger number first, `(P, n)` -> `(P,)`."""
    rows, n = sequence.shape
    width = max(2, int(np.sqrt(n)))
    chunks = -(-n // width)
    # Original place of each value of the sorted row, equal values in the order of their places: a permutation with the
    # same number of inversions. It is padded with ascending numbers, which add none.
    small = np.int16 if chunks * width <= np.iinfo(np.int16).max else np.int32
    places = np.empty((rows, chunks * width), dtype=small)
    places[:, :n] = np.argsort(sequence, axis=1, kind="stable")
    places[:, n:] = np.arange(n, chunks * width)
    values = np.argsort(places, axis=1, kind="stable").astype(small)
    chunk_of_value: Ranks = np.floor_divide(values, width)
    inversions = _within(places, width)
    # The same pairs seen from the places: pairs in one chunk of places and different chunks of values.
    inversions += _within(chunk_of_value, width)
    return inversions + _between((places // width).reshape(rows, chunks, width), chunks)


def _within(numbers: Ranks, width: int) -> npt.NDArray[np.int64]:
    """Counts inversions within the chunks of each row, `(P, chunks * width)` -> `(P,)`."""
    rows = len(numbers)
    # One column per chunk, so that comparing all of them at one distance is one pass through memory.
    columns = np.ascontiguousarray(numbers.reshape(-1, width).T)
    found = np.zeros(columns.shape, dtype=np.uint8 if width <= np.iinfo(np.uint8).max else np.uint32)
    for distance in range(1, width):
        found[distance:] += columns[:-distance] > columns[distance:]
    return np.asarray(found.sum(axis=0, dtype=np.int64).reshape(rows, -1).sum(axis=1))


def _between(chunk_of_place: Ranks, chunks: int) -> npt.NDArray[np.int64]:
    """Counts inversions of numbers in different chunks of values and of places, `(P, chunks, width)` -> `(P,)`."""
    rows = len(chunk_of_place)
    cells = np.arange(rows * chunks).reshape(rows, chunks, 1) * chunks + chunk_of_place
    counts = np.bincount(cells.ravel(), minlength=rows * chunks * chunks).reshape(rows, chunks, chunks)
    # For each cell, the count of numbers in earlier chunks of one kind and later chunks of the other.
    before = np.zeros_like(counts)
    before[:, 1:] = np.cumsum(counts, axis=1)[:, :-1]
    crossing = np.zeros_like(counts)
    crossing[:, :, :-1] = np.cumsum(before[:, :, :0:-1], axis=2)[:, :, ::-1]
    return np.asarray((counts * crossing).sum(axis=(1, 2)))

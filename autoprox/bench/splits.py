"""Splits of the architectures: for evolution (fit), for selection (select), and for the final evaluation (sealed).

An architecture keeps its split when its table grows. Architectures are dealt one by one in the order of a list, so that
the split of an architecture depends only on those before it. A build uses its nested list, in which a larger table
starts with the smaller one. The manifest records the result. Without a manifest, architectures are dealt in the order
of their identities: the splits then do not depend on the order of the rows, but may change when rows are added.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import groupby
from typing import Any

import numpy as np

from autoprox.base.errors import StoreMismatchError
from autoprox.spaces import Arch, Space


class Split(StrEnum):
    """A part of the architectures of a table."""

    FIT = "fit"
    """40 %: visible to evolution."""
    SELECT = "select"
    """20 %: for the choice of the hall of fame, settings and strategies."""
    SEALED = "sealed"
    """40 %: scored once, at the end of a finished run; every scoring is counted."""


PLACES = (2, 1, 2)
"""Number of architectures per split among five consecutive ones."""


def deal(members: Iterable[tuple[Arch, str]], spaces: Mapping[str, Space]) -> dict[str, Split]:
    """Deals architectures into splits that are alike in space, stratum, size and shape.

    Of every five architectures of a space and stratum, two go to fit, one to select and two to sealed. Among the splits
    with places left, an architecture joins the split with the largest mean distance to its members, measured in the
    logarithm of backbone parameters and in `Space.outline`. For each split `p` of share `w`, this keeps the energy
    distance `2 E|x - y| - E|x - x'| - E|y - y'|` (Székely 2004) between its members and all architectures small: adding
    `x` changes the sum of these distances by `-sum over y in p of |x - y| / w`, up to a term common to all splits.

    Args:
        members: Architectures with their strata, in the order in which they are dealt.
        spaces: Their spaces by name.

    Returns:
        The split of every architecture, sorted by identity.

    Example:
        >>> from autoprox.spaces import SPACES
        >>> micro, rng = SPACES["pit-micro"], np.random.default_rng(0)
        >>> ten = [(micro.sample(rng), "free") for _ in range(10)]
        >>> [list(deal(ten, SPACES).values()).count(part) for part in Split]
        [4, 2, 4]
        >>> deal(ten[:7], SPACES).items() <= deal(ten, SPACES).items()
        True
    """
    ordered = sorted(members, key=lambda member: (member[0].space, member[1]))  # stable: keeps the order of the list
    parts: dict[str, Split] = {}
    for (name, _), group in groupby(ordered, key=lambda member: (member[0].space, member[1])):
        parts |= _deal_group([arch for arch, _ in group], spaces[name])
    return dict(sorted(parts.items()))


def _deal_group(archs: list[Arch], space: Space) -> dict[str, Split]:
    # Independent of the data set.
    shapes = np.array([(np.log(max(space.size(arch), 1)), *space.outline(arch)) for arch in archs])
    chosen = np.zeros(len(archs), dtype=np.intp)
    left, members = np.zeros(len(Split), dtype=int), np.zeros(len(Split), dtype=int)
    for index in range(len(archs)):
        if not left.any():
            left[:] = PLACES
        distances = np.linalg.norm(shapes[:index] - shapes[index], axis=1)
        sums = np.bincount(chosen[:index], weights=distances, minlength=len(Split))
        means = np.where(members > 0, sums / np.maximum(members, 1), np.inf)
        # Rounded, so that the last digit of a logarithm cannot break a tie differently on another machine.
        best = int(np.argmax(np.where(left > 0, means.round(9), -np.inf)))
        chosen[index] = best
        members[best] += 1
        left[best] -= 1
    splits = tuple(Split)
    return {arch.arch_id: splits[choice] for arch, choice in zip(archs, chosen, strict=True)}


def to_document(splits: Mapping[str, Split]) -> dict[str, list[str]]:
    """Splits as stored in a manifest: the list of architectures of each.

    Example:
        >>> to_document({"a": Split.SEALED, "b": Split.FIT, "c": Split.FIT})
        {'fit': ['b', 'c'], 'select': [], 'sealed': ['a']}
    """
    return {part.value: sorted(arch_id for arch_id, split in splits.items() if split is part) for part in Split}


def from_document(document: Any, arch_ids: Iterable[str]) -> dict[str, Split]:
    """Reads the splits of a manifest.

    Args:
        document: The entry `splits` of the manifest.
        arch_ids: The architectures of the table.

    Raises:
        StoreMismatchError: If the entry is not valid splits of exactly these architectures.

    Example:
        >>> from_document({"fit": ["b", "c"], "select": [], "sealed": ["a"]}, ["a", "b", "c"])["a"]
        <Split.SEALED: 'sealed'>
    """
    remedy = "Restore the manifest, or build the table again."
    if not isinstance(document, dict) or not all(isinstance(ids, list) for ids in document.values()):
        raise StoreMismatchError(f"The manifest's splits are not lists of architectures by split. {remedy}")
    if unknown := sorted(set(document) - set(Split)):
        raise StoreMismatchError(f"The manifest has a split '{unknown[0]}'; splits are {', '.join(Split)}. {remedy}")
    listed = [(str(arch_id), Split(part)) for part, ids in document.items() for arch_id in ids]
    wanted = set(arch_ids)
    splits = dict(sorted(listed))
    if len(splits) != len(listed) or set(splits) != wanted:
        raise StoreMismatchError(
            f"The manifest's splits list {len(listed)} architectures, {len(wanted & set(splits))} of the table's "
            f"{len(wanted)}; they must list each exactly once. {remedy}"
        )
    return splits

"""Which architectures evolution may see, which decide, and which are kept for the end."""

from collections.abc import Iterable
from enum import StrEnum
from itertools import groupby

import pandas as pd

from autoprox.digest import digest


class Split(StrEnum):
    """A part of the architectures of a table."""

    FIT = "fit"
    """40 %: what evolution sees."""
    SELECT = "select"
    """20 %: what the hall of fame, settings and strategies are chosen on."""
    SEALED = "sealed"
    """40 %: scored once, at the end of a finished run; every scoring is counted."""


PATTERN = (Split.FIT, Split.SEALED, Split.SELECT, Split.FIT, Split.SEALED)
"""How five architectures of neighbouring size are dealt out; a shorter rest takes the beginning."""


def split(members: Iterable[tuple[str, str, str, float]]) -> dict[str, Split]:
    """Deals architectures out, so that all parts are alike in space, stratum and size.

    Within a space and stratum, architectures are sorted by size and taken five at a time; the digests of their
    identities say which of the five goes where. Nothing but the members decides, and their order does not matter.

    Args:
        members: Of every architecture `arch_id`, space, stratum and size.

    Example:
        >>> parts = split((f"a{i}", "pit-micro", "free", float(i)) for i in range(10))
        >>> [list(parts.values()).count(part) for part in Split]
        [4, 2, 4]
    """
    parts: dict[str, Split] = {}
    ordered = sorted(members, key=lambda member: (member[1], member[2], member[3], member[0]))
    for _, group in groupby(ordered, key=lambda member: (member[1], member[2])):
        ids = [member[0] for member in group]
        for start in range(0, len(ids), len(PATTERN)):
            five = sorted(ids[start : start + len(PATTERN)], key=lambda arch_id: digest(["split", arch_id]))
            parts |= dict(zip(five, PATTERN, strict=False))
    return dict(sorted(parts.items()))


def split_archs(frame: pd.DataFrame) -> dict[str, Split]:
    """The splits of a table; the size of an architecture is its smallest number of parameters on any data set.

    Args:
        frame: The rows of a complete table.
    """
    sizes = frame.groupby("arch_id")["params_count"].min().to_dict()
    per_arch = frame.drop_duplicates("arch_id")
    columns = (per_arch["arch_id"], per_arch["space"], per_arch["stratum"])
    return split(
        (arch_id, space, stratum, float(sizes[arch_id])) for arch_id, space, stratum in zip(*columns, strict=True)
    )

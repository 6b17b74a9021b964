"""How large an architecture may be."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar, NamedTuple

from autoprox.base.errors import SpecError
from autoprox.base.numbers import is_whole
from autoprox.spaces import Counts

COUNTED = {"params": "parameters", "macs": "multiply-accumulates"}
"""What can be bounded, with the word for it."""

_SUFFIXES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


class Bound(NamedTuple):
    """One end of what is allowed.

    Args:
        name: Its name, as in `Constraints`.
        counted: `params` or `macs`.
        lower: Whether it is the smallest allowed value.
        value: The value, itself allowed.
    """

    name: str
    counted: str
    lower: bool
    value: int

    @property
    def option(self) -> str:
        """How the command line calls it."""
        return f"--{self.name.replace('_', '-')}"

    def allows(self, count: int) -> bool:
        """Whether a count keeps it."""
        return count >= self.value if self.lower else count <= self.value


@dataclass(frozen=True, slots=True)
class Constraints:
    """Bounds of what a network may cost, both ends allowed; None leaves an end open.

    Args:
        min_params: Fewest parameters.
        max_params: Most parameters.
        min_macs: Fewest multiply-accumulates of one forward pass, per image.
        max_macs: Most of them.

    Raises:
        SpecError: If a bound is no whole number of at least 1, or a smallest value lies above a largest one.

    Example:
        >>> Constraints(max_params=50_000).allow(Counts(params=40_000, macs=10**6, backbone_params=30_000))
        True
    """

    min_params: int | None = None
    max_params: int | None = None
    min_macs: int | None = None
    max_macs: int | None = None

    NAMES: ClassVar[tuple[str, ...]] = ("min_params", "max_params", "min_macs", "max_macs")

    def __post_init__(self) -> None:
        for bound in self.bounds:
            if not is_whole(bound.value) or bound.value < 1:
                raise SpecError(f"{bound.option} is {bound.value}; it must be a whole number of at least 1.")
        for counted in COUNTED:
            low, high = getattr(self, f"min_{counted}"), getattr(self, f"max_{counted}")
            if low is not None and high is not None and low > high:
                raise SpecError(
                    f"--min-{counted} {low} lies above --max-{counted} {high}, so that nothing is allowed; swap them."
                )

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The bounds that are given."""
        named = ((name, getattr(self, name)) for name in self.NAMES)
        return tuple(
            Bound(name, name.partition("_")[2], name.startswith("min"), value)
            for name, value in named
            if value is not None
        )

    def allow(self, counts: Counts) -> bool:
        """Whether a network of these counts is allowed."""
        return all(bound.allows(getattr(counts, bound.counted)) for bound in self.bounds)

    def to_document(self) -> Mapping[str, int | None]:
        """The bounds as JSON-like data."""
        return asdict(self)


def whole_count(text: str) -> int:
    """Reads a count as people write it.

    Args:
        text: A whole number, or a number with k, M or G for thousands, millions or billions.

    Raises:
        SpecError: If it is neither.

    Example:
        >>> whole_count("5.5M"), whole_count("40k"), whole_count("1234")
        (5500000, 40000, 1234)
    """
    found = re.fullmatch(r"(\d+)(?:\.(\d+))?([kmg]?)", text.strip().replace("_", "").lower())
    if found is not None:
        whole, fraction, suffix = found[1], found[2] or "", found[3]
        scaled, rest = divmod(int(whole + fraction) * _SUFFIXES[suffix], int(10 ** len(fraction)))
        if not rest:
            return scaled
    raise SpecError(f"'{text}' is not a count; give a whole number, or one with k, M or G, such as 5.5M.")

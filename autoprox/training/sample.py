"""The architectures of a table: the first ones of an endless list per space and stratum.

The lists are nested: a larger table contains the smaller one, so that no architecture is trained twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from autoprox.base.arrays import Floats
from autoprox.base.digest import derived_seed
from autoprox.base.errors import SpecError
from autoprox.bench.schema import ISO_BUDGET_FACTORS, Stratum
from autoprox.spaces import Arch, Space

ISO_TOLERANCE = 0.03
"""Largest relative distance of an iso architecture's backbone parameters from the budget."""

POOL_SIZE = 30_000
"""Number of random architectures to choose from; hundreds of them are within the tolerance of a budget."""

BUILT_POOL_SIZE = 1_000
"""The same for a space without closed form, in which counting a network means building it."""

ISO_BUDGETS = {"autoformer-micro": 43_000, "pit-micro": 36_000}
"""Budgets of backbone parameters. Among sizes with cheap trainings, shapes differ most at these: depth 1 to 10 and
width 24 to 84 for autoformer-micro, depth 3 to 10 and mean width 16 to 40 for pit-micro."""

SIZE_QUANTILES = (0.01, 0.75)
"""Quantiles of the sizes in the pool between which the free stratum spreads. They span two orders of magnitude, without
the few very large networks that would take most of the training time."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """An architecture and its stratum."""

    arch: Arch
    stratum: Stratum


@dataclass(frozen=True, eq=False)
class ArchPool:
    """Random architectures of a space, without repetition.

    Attributes:
        archs: The architectures in the order of the draw.
        sizes: `(A,)`, backbone parameters.
        shapes: `(A, k)`, the coordinates of `Space.spread`.
    """

    archs: tuple[Arch, ...]
    sizes: Floats
    shapes: Floats


@lru_cache(maxsize=4)
def pool(space: Space, size: int | None = None) -> ArchPool:
    """The pool of a space, which is deterministic.

    Args:
        space: The space.
        size: Number of draws; if None, `POOL_SIZE`, or `BUILT_POOL_SIZE` for a space without closed form.

    Example:
        >>> from autoprox.spaces import load_space
        >>> drawn = pool(load_space("pit-micro"), size=50)
        >>> drawn.sizes.shape == (len(drawn.archs),), drawn.shapes.shape[1]
        (True, 4)
    """
    rng = np.random.default_rng(derived_seed("sample pool", space.name))
    draws = size or (POOL_SIZE if space.has_closed_form else BUILT_POOL_SIZE)
    archs = tuple(dict.fromkeys(space.sample(rng) for _ in range(draws)))
    sizes = np.array([space.size(arch) for arch in archs], dtype=np.float64)
    return ArchPool(archs, sizes, np.array([space.spread(arch) for arch in archs]))


def iso_budget(space: Space) -> int:
    """The budget of backbone parameters of a space's iso stratum: from `ISO_BUDGETS`, or the median size of the pool.

    Args:
        space: The space.

    Example:
        >>> from autoprox.spaces import load_space
        >>> iso_budget(load_space("autoformer-micro"))
        43000
    """
    chosen = ISO_BUDGETS.get(space.name)
    return round(float(np.median(pool(space).sizes))) if chosen is None else chosen


def free_archs(
    space: Space, count: int, *, beside_iso: bool = True, iso_strata: Sequence[Stratum] = (Stratum.ISO,)
) -> list[Arch]:
    """The first architectures of the free stratum, spread evenly over the logarithm of sizes in the space.

    Sizes of the iso strata are excluded, so that no architecture belongs to two strata. They are included if the table
    has no iso stratum and the other sizes have too few architectures, as in a space with architectures of one size.

    Args:
        space: The space.
        count: Number of architectures.
        beside_iso: True if the table also has iso strata.
        iso_strata: The iso strata.

    Raises:
        SpecError: If the pool has fewer architectures.
    """
    drawn = pool(space)
    bands = [_within(drawn.sizes, iso_budget(space) * ISO_BUDGET_FACTORS[stratum]) for stratum in iso_strata]
    outside = ~np.logical_or.reduce(bands)
    if not beside_iso and outside.sum() < count:
        outside[:] = True
    low, high = np.log(np.quantile(drawn.sizes, SIZE_QUANTILES))
    coordinates = (np.log(drawn.sizes) - low) / (high - low if high > low else 1.0)
    return _spread(drawn, coordinates[:, None], outside, count)


def iso_archs(space: Space, count: int, stratum: Stratum = Stratum.ISO) -> list[Arch]:
    """The first architectures of an iso stratum, spread over the shapes that its budget allows.

    Args:
        space: The space.
        count: Number of architectures.
        stratum: The iso stratum.

    Raises:
        SpecError: If the pool has fewer architectures within the tolerance.
    """
    drawn = pool(space)
    inside = _within(drawn.sizes, iso_budget(space) * ISO_BUDGET_FACTORS[stratum])
    if not inside.any():
        raise SpecError(f"The space '{space.name}' has no architectures of the size of its stratum '{stratum}'.")
    low, high = drawn.shapes[inside].min(axis=0), drawn.shapes[inside].max(axis=0)
    coordinates = (drawn.shapes - low) / np.where(high > low, high - low, 1.0)
    return _spread(drawn, coordinates, inside, count)


def sample(space: Space, archs: int, iso: int, iso_strata: Sequence[Stratum] = (Stratum.ISO,)) -> list[Sampled]:
    """The architectures of a table; free and iso ones alternate, so that every prefix of the list is balanced.

    Args:
        space: The space.
        archs: Total number of architectures.
        iso: Number of these in the iso strata, which alternate.
        iso_strata: The iso strata.

    Raises:
        SpecError: If `iso` is not between 0 and `archs`, or the space does not have enough architectures.
    """
    if not 0 <= iso <= archs:
        raise SpecError(f"`iso` must be between 0 and `archs` ({archs}), not {iso}.")
    beside_iso = iso > 0
    free = free_archs(space, archs - iso, beside_iso=beside_iso, iso_strata=iso_strata)
    free_ones = [Sampled(arch, Stratum.FREE) for arch in free]
    same_size = _in_turns(space, iso, iso_strata)
    shorter = min(len(free_ones), len(same_size))
    alternating = [item for pair in zip(free_ones, same_size, strict=False) for item in pair]
    return alternating + free_ones[shorter:] + same_size[shorter:]


def _in_turns(space: Space, count: int, strata: Sequence[Stratum]) -> list[Sampled]:
    """The first architectures of all iso strata, which alternate."""
    each = -(-count // len(strata))
    lists = [[Sampled(arch, stratum) for arch in iso_archs(space, each, stratum)] for stratum in strata]
    return [item for turn in zip(*lists, strict=True) for item in turn][:count]


def _within(sizes: Floats, budget: float) -> npt.NDArray[np.bool_]:
    return np.abs(sizes / budget - 1.0) <= ISO_TOLERANCE


def _spread(drawn: ArchPool, coordinates: Floats, allowed: npt.NDArray[np.bool_], count: int) -> list[Arch]:
    """Chooses, for every point of a Halton sequence in the unit cube, the nearest architecture not chosen yet.

    Every prefix of the sequence fills the cube evenly, so that the lists are nested (Halton 1960).
    """
    left = np.flatnonzero(allowed)
    if len(left) < count:
        space = drawn.archs[0].space
        raise SpecError(
            f"One stratum of '{space}' has {len(left)} architectures, fewer than the requested {count}. Request fewer."
        )
    points = qmc.Halton(d=coordinates.shape[1], scramble=False).random(count + 1)[1:]
    chosen = []
    for point in points:
        distances = np.square(coordinates[left] - point).sum(axis=1)
        nearest = int(np.argmin(distances))
        chosen.append(drawn.archs[left[nearest]])
        left = np.delete(left, nearest)
    return chosen

"""Which architectures a table holds: an endless list for each space and stratum, of which a table takes the first ones.

The lists are nested, so that a larger table contains the smaller one and nothing is trained twice.
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
"""Random architectures from which both strata are chosen: enough for hundreds within the tolerance of a budget."""

BUILT_POOL_SIZE = 1_000
"""The same for a space without closed form, whose networks are built to be counted."""

ISO_BUDGETS = {"autoformer-micro": 43_000, "pit-micro": 36_000}
"""Backbone parameters at which shapes differ most, among those at which trainings are cheap: depth 1 to 10 and width 24
to 84 for autoformer-micro, depth 3 to 10 and mean width 16 to 40 for pit-micro."""

SIZE_QUANTILES = (0.01, 0.75)
"""The free stratum spreads over the sizes between these quantiles of the pool: two orders of magnitude, without the
few very large networks, whose trainings would take most of the time."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """An architecture and the stratum that it was drawn for."""

    arch: Arch
    stratum: Stratum


@dataclass(frozen=True, eq=False)
class ArchPool:
    """Random architectures of a space, without repetition.

    Attributes:
        archs: In the order of the draw.
        sizes: `(A,)`, backbone parameters.
        shapes: `(A, k)`, the coordinates of `Space.spread`.
    """

    archs: tuple[Arch, ...]
    sizes: Floats
    shapes: Floats


@lru_cache(maxsize=4)
def pool(space: Space, size: int | None = None) -> ArchPool:
    """Draws the pool of a space: always the same one.

    Args:
        space: The space.
        size: Number of draws; if None, fewer where each network has to be built to be counted.

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
    """The budget of backbone parameters of a space's iso stratum: a chosen one, or the median size of the pool.

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
    """The first architectures of the free stratum: spread over the sizes of the space, evenly in the logarithm.

    The bands of the iso strata are left out, so that no architecture belongs to both. Where there is no iso stratum and
    the rest is too few, as in a space whose architectures are all of one size, the bands count as well.

    Args:
        space: The space.
        count: How many.
        beside_iso: Whether the table has iso strata as well.
        iso_strata: Which.

    Raises:
        SpecError: If the pool has fewer.
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
    """The first architectures of an iso stratum: spread over the shapes that its budget allows.

    Args:
        space: The space.
        count: How many.
        stratum: Which of the iso strata.

    Raises:
        SpecError: If the pool has fewer within the tolerance.
    """
    drawn = pool(space)
    inside = _within(drawn.sizes, iso_budget(space) * ISO_BUDGET_FACTORS[stratum])
    if not inside.any():
        raise SpecError(f"The space '{space.name}' has no architectures of the size of its stratum '{stratum}'.")
    low, high = drawn.shapes[inside].min(axis=0), drawn.shapes[inside].max(axis=0)
    coordinates = (drawn.shapes - low) / np.where(high > low, high - low, 1.0)
    return _spread(drawn, coordinates, inside, count)


def sample(space: Space, archs: int, iso: int, iso_strata: Sequence[Stratum] = (Stratum.ISO,)) -> list[Sampled]:
    """The architectures of a table, free and iso ones alternating so that every beginning of the list is balanced.

    Args:
        space: The space.
        archs: Number of architectures in all.
        iso: How many of them are in the iso strata, which take turns.
        iso_strata: The iso strata.

    Raises:
        SpecError: If the numbers do not fit together, or the space has not enough architectures.
    """
    if not 0 <= iso <= archs:
        raise SpecError(f"`iso` must lie between 0 and `archs` ({archs}), not at {iso}.")
    beside_iso = iso > 0
    free = free_archs(space, archs - iso, beside_iso=beside_iso, iso_strata=iso_strata)
    free_ones = [Sampled(arch, Stratum.FREE) for arch in free]
    same_size = _in_turns(space, iso, iso_strata)
    shorter = min(len(free_ones), len(same_size))
    alternating = [item for pair in zip(free_ones, same_size, strict=False) for item in pair]
    return alternating + free_ones[shorter:] + same_size[shorter:]


def _in_turns(space: Space, count: int, strata: Sequence[Stratum]) -> list[Sampled]:
    """The first architectures of all iso strata together, one of each in turn."""
    each = -(-count // len(strata))
    lists = [[Sampled(arch, stratum) for arch in iso_archs(space, each, stratum)] for stratum in strata]
    return [item for turn in zip(*lists, strict=True) for item in turn][:count]


def _within(sizes: Floats, budget: float) -> npt.NDArray[np.bool_]:
    return np.abs(sizes / budget - 1.0) <= ISO_TOLERANCE


def _spread(drawn: ArchPool, coordinates: Floats, allowed: npt.NDArray[np.bool_], count: int) -> list[Arch]:
    """Takes, for every point of a Halton sequence in the unit cube, the nearest architecture that is not taken yet.

    The sequence fills the cube evenly whatever its length, which is what makes the list nested (Halton 1960).
    """
    left = np.flatnonzero(allowed)
    if len(left) < count:
        space = drawn.archs[0].space
        raise SpecError(
            f"{count} architectures were asked of one stratum of '{space}'; it offers {len(left)}. Ask for fewer."
        )
    points = qmc.Halton(d=coordinates.shape[1], scramble=False).random(count + 1)[1:]
    chosen = []
    for point in points:
        distances = np.square(coordinates[left] - point).sum(axis=1)
        nearest = int(np.argmin(distances))
        chosen.append(drawn.archs[left[nearest]])
        left = np.delete(left, nearest)
    return chosen

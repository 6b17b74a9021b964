"""Choice of architectures: nested lists, evenly spread sizes, and a valid iso stratum."""

import numpy as np
import pytest
from scipy import stats

from autoprox.base.errors import SpecError
from autoprox.bench.schema import ISO_BUDGET_FACTORS, Stratum
from autoprox.spaces import load_space
from autoprox.training.sample import ISO_TOLERANCE, free_archs, iso_archs, iso_budget, pool, sample

SPACE = load_space("pit-micro")  # its pool is the quicker one to draw


def sizes(archs: list[object]) -> np.ndarray:
    return np.array([SPACE.backbone_params(arch) for arch in archs], dtype=float)  # type: ignore[arg-type]


def test_lists_are_nested_and_without_repetition() -> None:
    for archs in (free_archs, iso_archs):
        longer = archs(SPACE, 60)
        assert archs(SPACE, 25) == longer[:25]
        assert len(set(longer)) == 60
    pool.cache_clear()
    assert free_archs(SPACE, 5) == free_archs(SPACE, 60)[:5]


def test_iso_is_within_the_tolerance_and_free_outside() -> None:
    budget = iso_budget(SPACE)
    assert (np.abs(sizes(iso_archs(SPACE, 80)) / budget - 1) <= ISO_TOLERANCE).all()
    assert (np.abs(sizes(free_archs(SPACE, 80)) / budget - 1) > ISO_TOLERANCE).all()


def test_free_sizes_are_even_in_the_logarithm() -> None:
    logs = np.log(sizes(free_archs(SPACE, 80)))
    even = stats.uniform(logs.min(), np.ptp(logs))
    assert stats.kstest(logs, even.cdf).statistic < 0.1
    assert np.ptp(logs) > np.log(30)


def test_iso_shapes_range_widely() -> None:
    features = [SPACE.features(arch) for arch in iso_archs(SPACE, 40)]
    depths = np.array([feature["depth"] for feature in features])
    widths = np.array([feature["mean_width"] for feature in features])
    assert np.ptp(depths) >= 6
    assert widths.max() > 1.9 * widths.min()


def test_strata_alternate_and_then_the_rest_follows() -> None:
    chosen = sample(SPACE, 10, 3)
    assert [item.stratum for item in chosen] == [Stratum.FREE, Stratum.ISO] * 3 + [Stratum.FREE] * 4
    assert {item.arch for item in sample(SPACE, 6, 2)} <= {item.arch for item in chosen}


def test_more_than_there_are() -> None:
    with pytest.raises(
        SpecError, match=r"One stratum of 'pit-micro' has \d+ architectures, fewer than the requested 100000"
    ):
        iso_archs(SPACE, 100_000)
    with pytest.raises(SpecError, match="`iso` must be between 0 and `archs`"):
        sample(SPACE, 3, 4)


def test_space_without_a_chosen_budget_takes_the_median(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoprox.training.sample.ISO_BUDGETS", {})
    assert iso_budget(SPACE) == round(float(np.median(pool(SPACE).sizes)))


def test_three_iso_strata_share_their_architectures_in_turns() -> None:
    strata = tuple(ISO_BUDGET_FACTORS)
    chosen = sample(SPACE, 30, 18, strata)
    budget = iso_budget(SPACE)
    for stratum, factor in ISO_BUDGET_FACTORS.items():
        archs = [item.arch for item in chosen if item.stratum is stratum]
        assert len(archs) == 6
        assert (np.abs(sizes(archs) / (budget * factor) - 1) <= ISO_TOLERANCE).all()
    free = sizes([item.arch for item in chosen if item.stratum is Stratum.FREE])
    for factor in ISO_BUDGET_FACTORS.values():
        assert (np.abs(free / (budget * factor) - 1) > ISO_TOLERANCE).all()
    assert [item.stratum for item in chosen[1:12:2]] == [*strata, *strata]

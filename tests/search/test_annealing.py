"""Annealing: the Metropolis rule, the first temperature, and the results."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from autoprox.base.errors import SpecError
from autoprox.search import Annealing, Constraints, Region, run
from autoprox.search.methods._annealing import accepts, first_temperature
from autoprox.spaces import load_space
from tests.search.worlds import MICRO, roughness


@given(st.floats(1e-9, 1e9), st.floats(0.01, 0.99))
def test_a_mean_fall_is_accepted_as_often_as_asked_for(fall, acceptance):
    assert math.exp(-fall / first_temperature([fall, fall], acceptance)) == pytest.approx(acceptance)


@pytest.mark.parametrize(("change", "temperature"), [(-1.0, 1.0), (-0.2, 1.0), (-3.0, 2.0)])
def test_what_is_worse_is_accepted_by_metropolis_rule(change, temperature):
    rng = np.random.default_rng(0)
    count = sum(accepts(change, temperature, rng) for _ in range(5000))
    assert stats.binomtest(count, 5000, math.exp(change / temperature)).pvalue > 1e-3


@pytest.mark.parametrize("temperature", [0.0, 1e-3, 1.0, math.inf])
def test_the_ends_of_the_rule(temperature):
    rng = np.random.default_rng(0)
    assert all(accepts(change, temperature, rng) for change in (0.0, 1.0, math.inf))
    assert not accepts(-math.inf, temperature, rng)
    assert accepts(-1e6, math.inf, rng)
    assert not accepts(-1e6, 0.0, rng)


def test_it_finds_the_optimum_of_a_band_without_scoring_everything():
    bounds = Constraints(max_params=3000)
    options = {"task": MICRO}
    best = run(roughness, "autoformer-micro", bounds, method="exhaustive", **options).pick.score
    for seed in range(2):
        rng = np.random.default_rng(seed)
        found = run(roughness, "autoformer-micro", bounds, rng, method=Annealing(2, 20), budget=150, **options)
        assert len(found.candidates) == 150
        assert found.pick.score == best


def test_every_move_keeps_the_bounds_and_scores_of_any_scale_give_the_same_course():
    bounds = Constraints(min_params=20_000, max_params=22_000)
    region = Region(load_space("autoformer-micro"), MICRO, bounds)

    def tiny(*arguments):
        return roughness(*arguments) * 2.0**-40

    def archs(scorer):
        found = run(scorer, region.space, bounds, np.random.default_rng(1), task=MICRO, method="annealing", budget=80)
        return [each.arch for each in found.candidates]

    assert all(region.allows(arch) for arch in archs(roughness))
    assert archs(roughness) == archs(tiny)


@pytest.mark.parametrize("given", [{"chains": 0}, {"warm_up": 0}, {"acceptance": 1.0}, {"cooling": 0.0}])
def test_settings_out_of_range(given):
    with pytest.raises(SpecError, match=next(iter(given))):
        Annealing(**given)

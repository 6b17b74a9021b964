"""What a search asks of every space and every scorer; new ones are taken up by their registration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autoprox
from autoprox.scorers import ZOO, RankedProxy
from autoprox.search import Constraints, Region, run
from autoprox.spaces import SPACES, space
from autoprox.spaces.task import noise_task

SCORERS = [*ZOO, *autoprox.shipped_names()]
SMALL = noise_task("noise", 10, 8, 1)


@pytest.mark.parametrize("name", list(SPACES))
@given(seed=st.integers(0, 2**32 - 1), percent=st.integers(0, 30), by_macs=st.booleans())
@settings(max_examples=8)
def test_draws_and_mutations_stay_inside_any_band(name, seed, percent, by_macs):
    """Also a law of counts: they are what the fixed genes cost plus what each layer adds, or `Region` would fail."""
    owner, rng = space(name), np.random.default_rng(seed)
    task = noise_task("noise", 10, owner.default_img_size)
    counts = owner.counts(owner.sample(rng), task.num_classes, task.img_size, task.in_chans)
    counted = "macs" if by_macs else "params"
    low = getattr(counts, counted)
    bounds = Constraints(**{f"min_{counted}": low, f"max_{counted}": low + low * percent // 100})
    region = Region(owner, task, bounds)
    arch = region.draw(rng)
    for _ in range(5):
        assert owner.why_not(arch) == []
        found = getattr(owner.counts(arch, task.num_classes, task.img_size, task.in_chans), counted)
        assert low <= found <= low + low * percent // 100
        arch = region.mutate(arch, rng)
    assert region.allows(region.largest())


@pytest.mark.parametrize("name", list(SPACES))
def test_no_architecture_is_forgotten(name):
    """Whatever the space itself draws lies in the region of its own size, and in one of all sizes."""
    owner, rng = space(name), np.random.default_rng(0)
    task = noise_task("noise", 10, owner.default_img_size)
    assert Region(owner, task, Constraints()).size == Region(owner, task, Constraints(min_params=1)).total
    for _ in range(20):
        counts = owner.counts(owner.sample(rng), task.num_classes, task.img_size, task.in_chans)
        exact = Constraints(
            min_params=counts.params, max_params=counts.params, min_macs=counts.macs, max_macs=counts.macs
        )
        assert Region(owner, task, exact).size >= 1


@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer_searches(name):
    scorer, micro = autoprox.load(name), space("autoformer-micro")
    found = run(scorer, micro, Constraints(max_params=2500), np.random.default_rng(0), task=SMALL, budget=3)
    assert len(found.scored) == 3
    if not isinstance(scorer, RankedProxy):  # whose scores are about a set
        model = micro.build(found.pick.arch, SMALL.num_classes, SMALL.img_size, SMALL.in_chans)
        assert found.pick.score == pytest.approx(scorer.score(model, SMALL.images, SMALL.labels), rel=1e-9)

"""Bounds of costs with separate contributions of each place of a list, against listing everything."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import autoprox
from autoprox.errors import SpecError
from autoprox.search import Constraints, Region
from autoprox.spaces import Counts, Gene
from autoprox.spaces.task import noise_task

SIZES = (5, 11, 2, 7)
FACTORS = (1, 2, 5)
TASK = noise_task("noise", 3, 4, 1)


def costs(genes, _task):
    params = 100 + sum(size * factor for size, factor in zip(SIZES, genes["factor"], strict=True))
    return Counts(params, params * 3 + genes["factor"][0], params)


def build(genes, task):
    return nn.Sequential(nn.Flatten(), nn.Linear(genes["factor"][0], task.num_classes))


SPACE = autoprox.define_space("places", [Gene("factor", FACTORS, along=4)], build, img_sizes=[4], costs=costs)
EVERY = [SPACE.arch({"factor": list(each)}) for each in product(FACTORS, repeat=4)]


def allowed(**bounds):
    found = []
    for arch in EVERY:
        counts = SPACE.counts(arch, *TASK.shape)
        held = {"params": counts.params, "macs": counts.macs}
        if all((held[k[4:]] <= v) if k.startswith("max") else (held[k[4:]] >= v) for k, v in bounds.items()):
            found.append(arch)
    return found


BOUNDS = st.fixed_dictionaries(
    {"max_params": st.integers(126, 225)},
    optional={"min_params": st.integers(125, 140), "max_macs": st.integers(400, 680)},
)


@settings(max_examples=30, deadline=None)
@given(BOUNDS)
def test_a_region_is_what_listing_finds(bounds):
    wanted = allowed(**bounds)
    if not wanted or bounds.get("min_params", 0) > bounds["max_params"]:
        with pytest.raises(SpecError):
            Region(SPACE, TASK, Constraints(**bounds))
        return
    region = Region(SPACE, TASK, Constraints(**bounds))
    assert (region.size, region.total, region.acceptance) == (len(wanted), 81, None)
    assert list(region) == wanted
    rng, held = np.random.default_rng(0), set(wanted)
    arch = region.draw(rng)
    for _ in range(20):
        arch = region.mutate(arch, rng)
        assert arch in held
        assert region.draw(rng) in held


def test_draws_are_alike():
    wanted = allowed(max_params=145)
    region, rng = Region(SPACE, TASK, Constraints(max_params=145)), np.random.default_rng(0)
    counts = dict.fromkeys(wanted, 0)
    for _ in range(200 * len(wanted)):
        counts[region.draw(rng)] += 1
    expected = 200
    statistic = sum((count - expected) ** 2 / expected for count in counts.values())
    assert statistic < 2.5 * len(wanted)  # chi squared; its mean is len(wanted) - 1


def test_a_mutant_differs_in_one_gene_where_bounds_allow_it():
    region, rng = Region(SPACE, TASK, Constraints(max_params=224)), np.random.default_rng(0)
    arch = SPACE.arch({"factor": [1, 1, 1, 1]})
    for _ in range(50):
        mutant = region.mutate(arch, rng)
        differing = sum(a != b for a, b in zip(arch.genes["factor"], mutant.genes["factor"], strict=True))
        assert differing == 1


def test_what_is_out_of_reach_is_said():
    with pytest.raises(SpecError, match="max_params 124 allows no architecture of 'places': they have 125 to 225 para"):
        Region(SPACE, TASK, Constraints(max_params=124))

"""FLORA's filter of candidates against a loop from its description, and its space against the unfiltered one."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from autoprox.compress import filter_candidates, lowrank_space
from autoprox.errors import SpecError
from autoprox.testing import SpaceLaws
from tests.compress import trained

RATIOS = (0.25, 0.5, 1.0)
SPACE = lowrank_space(trained.ours(), trained.images(), ratios=RATIOS)
WEIGHTS = np.random.default_rng(0).normal(size=len(SPACE.groups))


def value(arch) -> float:
    """A value that differs between groups and does not depend on cost."""
    return float(np.sin(7 * np.array(arch.genes["ranks"])) @ WEIGHTS)


class TestFiltered(SpaceLaws):
    space = filter_candidates(SPACE, value)
    draws = 3


@pytest.mark.parametrize(("keep", "strata"), [(0.3, 1), (0.3, 5), (1.0, 2), (0.001, 3)])
def test_the_best_of_each_stratum_are_kept_while_other_blocks_stay_whole(keep, strata):
    kept = filter_candidates(SPACE, value, keep=keep, strata=strata)
    assert [len(block) for block in kept.blocks] == [4, 4]
    for number, gene in enumerate(kept.layout.genes):
        tried = []
        for combination in product(RATIOS, repeat=4):
            ranks = [1.0] * 8
            ranks[4 * number : 4 * number + 4] = combination
            tried.append((SPACE.counts({"ranks": ranks}).macs, value(SPACE.arch({"ranks": ranks})), combination))
        tried.sort(key=lambda each: each[0])
        expected = set()
        for part in np.array_split(np.arange(len(tried)), strata):
            best = sorted((tried[place] for place in part), key=lambda each: -each[1])
            expected |= {each[2] for each in best[: max(1, round(keep * len(part)))]}
        assert set(gene.choices) == expected


def test_its_networks_are_those_of_the_whole_space():
    kept = filter_candidates(SPACE, value)
    arch = kept.sample(np.random.default_rng(0))
    whole = SPACE.build(kept.inner_genes(arch.genes))
    images = trained.images()
    torch.testing.assert_close(kept.build(arch)(images), whole(images), rtol=0, atol=0)
    assert kept.counts(arch) == SPACE.counts(kept.inner_genes(arch.genes))
    assert kept.identity != filter_candidates(SPACE, value, keep=0.5).identity


@pytest.mark.parametrize(("wrong", "said"), [({"keep": 0}, "keep"), ({"keep": 1.5}, "keep"), ({"strata": 0}, "strata")])
def test_bad_numbers_are_refused(wrong, said):
    with pytest.raises(SpecError, match=said):
        filter_candidates(SPACE, value, **wrong)


def test_too_many_combinations_are_refused_before_any_is_tried():
    wide = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Linear(8, 8), nn.Linear(8, 8))
    space = lowrank_space(wide, trained.images(), ratios=tuple(np.linspace(0.001, 1, 10_001).tolist()))
    with pytest.raises(SpecError, match="10001 combinations of ranks, more than 10000"):
        filter_candidates(space, lambda _: pytest.fail("tried"))

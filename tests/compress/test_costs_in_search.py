"""Bytes, bit operations and multiply-accumulates bound searches around trained networks."""

import numpy as np
import pytest
import torch

import autoprox.search
from autoprox.compress import lowrank_space, quantised_space
from autoprox.errors import SpecError
from autoprox.search import Constraints, Region
from autoprox.spaces import load_space
from autoprox.spaces.costs import COSTS
from autoprox.spaces.task import noise_task
from tests.compress import trained

BATCH = trained.images()
TASK = noise_task("noise", 5, 8, 1)


def quadratic(model, _images, _labels):
    return -sum(float(each.detach().square().sum()) for each in model.parameters())


@pytest.mark.parametrize("cost", ["weight_bytes", "bitops"])
def test_bits_are_searched_within_bounds(cost):
    space = quantised_space(trained.ours(), BATCH)
    rng = np.random.default_rng(0)
    middle = sorted(int(COSTS[cost].of(space, space.sample(rng), TASK.shape)) for _ in range(21))[10]
    found = autoprox.search.run(quadratic, space, Constraints(**{f"max_{cost}": middle}), budget=25)
    assert len(found.candidates) == 25
    assert found.allowed is not None
    assert 0 < found.allowed < found.total == 4 ** len(space.groups)
    assert all(each.costs[cost] == COSTS[cost].of(space, each.arch, TASK.shape) <= middle for each in found.candidates)


def test_the_region_of_ranks_is_counted_exactly():
    model = trained.hugging_face()
    space = lowrank_space(model, BATCH, ratios=(0.25, 0.5, 1))
    small = [0.25] * len(space.groups)
    bound = space.counts({"ranks": [*small[:-1], 1]}).macs
    region = Region(space, TASK, Constraints(max_macs=bound))
    listed = [arch for arch in region if region.cost(COSTS["macs"], arch) <= bound]
    assert region.size == len(listed) == len(set(listed))
    assert region.total == 3 ** len(space.groups)


def test_an_impossible_budget_names_the_smallest_possible():
    space = quantised_space(trained.ours(), BATCH)
    least = space.storage({"bits": [2] * len(space.groups)}).weight_bytes
    with pytest.raises(SpecError, match=f"they have {least:,} to .* bytes of weights"):
        Region(space, TASK, Constraints(max_weight_bytes=least - 1))
    assert Region(space, TASK, Constraints(max_weight_bytes=least)).size == 1


def test_other_spaces_have_single_precision():
    space = load_space("pit-micro")
    arch, task = space.sample(np.random.default_rng(0)), TASK.shape
    model = space.build(arch, *task)
    held = sum(each.numel() * each.element_size() for each in model.parameters())
    assert COSTS["weight_bytes"].of(space, arch, task) == held
    assert COSTS["bitops"].of(space, arch, task) == COSTS["macs"].of(space, arch, task) * 32 * 32


def test_the_task_of_a_search_is_that_of_the_network():
    space = quantised_space(trained.hugging_face(), BATCH, bits=(4, 8))
    found = autoprox.search.run(lambda _model, images, _labels: float(torch.as_tensor(images).sum()), space, budget=2)
    assert found.pick.score == pytest.approx(float(noise_task("noise", 5, 8, 1).images.sum()), rel=1e-5)

"""Bounds that are kept by rejection: costs without closed forms, measured costs, and spaces with any genes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest
from scipy import stats
from torch import nn

from autoprox import define_space
from autoprox.base.errors import SpecError
from autoprox.search import METHODS, Constraints, Evolution, Region, run
from autoprox.spaces import Gene, Length
from autoprox.spaces.costs import COSTS, Computed, Cost
from autoprox.spaces.units import BYTES, COUNT, SECONDS, Unit
from tests.search.worlds import ALL, MICRO, TASK, TINY, probability


def _ratios(_space, arch, _task):
    """Ten times the sum of the MLP ratios, independent of the network."""
    return round(10 * sum(arch.genes["mlp_ratio"]))


def _weights(space, arch, task):
    return 4 * space.counts(arch, *task).params


@dataclass(frozen=True)
class Slowness(Cost):
    """A cost that pretends to be measured, and counts how often."""

    seconds: Callable = lambda arch: sum(arch.genes["mlp_ratio"]) / 100
    calls: Counter = field(default_factory=Counter, compare=False)
    name: str = "slowness"
    noun: str = "slowness"
    unit: Unit = SECONDS
    version: int = 1
    additive: bool = False
    measured: ClassVar[bool] = True

    def of(self, space, arch, task):
        self.calls[arch, space.name, task] += 1
        return self.seconds(arch)


RATIOS = Computed("ratios", "sum of ratios", COUNT, _ratios)
WEIGHTS = Computed("weights", "bytes of weights", BYTES, _weights, additive=True)


def costs(*more):
    return {**dict(COSTS.items()), **{cost.name: cost for cost in more}}


def test_an_additive_cost_is_exact_without_a_word_in_the_search():
    bounds = Constraints(costs(WEIGHTS), max_weights="5KB", min_params=600)
    region = Region(TINY, TASK, bounds)
    sizes = [TINY.counts(arch, *TASK.shape).params for arch in ALL]
    assert region.size == sum(size >= 600 and 4 * size <= 5000 for size in sizes)
    assert region.acceptance is None
    assert region.costs(region.largest())["weights"] == max(4 * size for size in sizes if 4 * size <= 5000)


def test_what_is_tried_is_what_filtering_leaves():
    bounds = Constraints(costs(RATIOS), min_ratios=30, max_ratios=40, max_params=1500)
    expected = [
        arch for arch in ALL if 30 <= _ratios(TINY, arch, TASK) <= 40 and TINY.counts(arch, *TASK.shape).params <= 1500
    ]
    region, rng = Region(TINY, TASK, bounds), np.random.default_rng(0)
    assert set(region) == set(expected)
    assert region.size == len(expected)
    draws = Counter(region.draw(rng) for _ in range(3000))
    assert set(draws) <= set(expected)
    weights = np.array([probability(arch) for arch in expected])
    bins = np.arange(len(expected)) * 10 // len(expected)
    observed = np.bincount(bins, [draws[arch] for arch in expected])
    assert stats.chisquare(observed, np.bincount(bins, weights / weights.sum() * 3000)).pvalue > 1e-3
    tried, kept = region.acceptance
    assert kept == 3000 < tried
    arch = region.draw(rng)
    for _ in range(50):
        arch = region.mutate(arch, rng)
        assert arch in expected
    top = region.costs(region.largest())
    assert (top["params"], top["macs"]) == max(
        (counts.params, counts.macs) for counts in (TINY.counts(arch, *TASK.shape) for arch in expected)
    )


def test_one_architecture_in_many_is_found_by_looking_at_all():
    only = ALL[-1]
    rare = Computed("rare", "rarity", COUNT, lambda _space, arch, _task: 1 + (arch == only))
    small = Constraints(costs(rare), min_rare=2, min_params=TINY.counts(only, *TASK.shape).params)
    region = Region(TINY, TASK, small)
    assert list(region) == [only]
    assert region.size == 1
    assert region.draw(np.random.default_rng(0)) == only


def test_what_excludes_everything_is_named():
    with pytest.raises(SpecError, match=r"max_ratios 5 allows no architecture of 'tiny'.*sum of ratios: 10 to 90"):
        Region(TINY, TASK, Constraints(costs(RATIOS), max_ratios=5))
    region = Region(TINY, TASK, Constraints(costs(Slowness()), max_slowness="5ms"))
    with pytest.raises(SpecError, match=r"max_slowness 5\.00 ms: none of 200 draws.*slowness: \d+\.\d ms to"):
        region.draw(np.random.default_rng(0))


def test_each_architecture_is_measured_once():
    cost = Slowness()
    region, rng = Region(TINY, TASK, Constraints(costs(cost), max_slowness="50ms")), np.random.default_rng(0)
    assert not cost.calls
    assert region.size is None
    assert region.measured == (cost,)
    for _ in range(300):
        assert _ratios(TINY, region.draw(rng), TASK) <= 50
    assert set(cost.calls.values()) == {1}
    pilot = region.pilot(40, rng)
    assert pilot.tried == 40
    assert 0 < pilot.kept < 40


def _mixer(genes, task):
    layers = [nn.Conv2d(task.in_chans, genes["width"], 4, 4)]
    for depth, kernel in zip(genes["depth"], genes["kernel"], strict=True):
        mixed = nn.AvgPool2d(3, 1, 1) if genes["mixer"] == "pool" else nn.Conv2d(genes["width"], genes["width"], 1)
        layers += [nn.Sequential(mixed, nn.Conv2d(genes["width"], genes["width"], kernel, padding="same"))] * depth
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(genes["width"], task.num_classes))


MIXER = define_space(
    "mixer",
    [
        Gene("width", (4, 8)),
        Gene("mixer", ("pool", "linear")),
        Gene("depth", (1, 2), along=2),
        Gene("kernel", (1, 3), along=Length("depth")),
    ],
    _mixer,
    img_sizes=[8],
)


def _line(genes, task):
    return nn.Sequential(
        nn.Conv2d(task.in_chans, genes["width"], 8), nn.Flatten(), nn.Linear(genes["width"], task.num_classes)
    )


DOZEN = define_space("dozen", [Gene("width", tuple(range(2, 14)))], _line, img_sizes=[8])
ALIKE = define_space(
    "alike",
    [Gene("depth", (2,)), Gene("order", ("a", "b"), along="depth")],
    lambda _genes, task: _line({"width": 3}, task),
    img_sizes=[8],
)


def _size(model, _images, _labels):
    return float(sum(each.numel() for each in model.parameters()))


@pytest.mark.parametrize(("space", "size"), [(MIXER, 2 * 2 * 4 * 4), (DOZEN, 12), (ALIKE, 4)])
def test_any_space_is_counted_and_listed(space, size):
    region = Region(space, MICRO, Constraints())
    assert region.size == region.total == size
    assert len(set(region)) == size


@pytest.mark.parametrize("method", list(METHODS))
def test_any_space_is_searched_within_bounds(method):
    found = run(_size, MIXER, Constraints(max_params=900), np.random.default_rng(0), task=MICRO, method=method)
    sizes = {arch: MIXER.counts(arch, *MICRO.shape).params for arch in Region(MIXER, MICRO, Constraints())}
    assert {each.arch for each in found.candidates} == {arch for arch, size in sizes.items() if size <= 900}
    assert found.pick.score == found.pick.params == max(size for size in sizes.values() if size <= 900)


@pytest.mark.parametrize("method", [*METHODS, Evolution(4, 2, 1)])
def test_a_dozen_architectures_are_all_found(method):
    found = run(_size, DOZEN, None, np.random.default_rng(0), task=MICRO, method=method, budget=50)
    assert len(found.candidates) == 12
    bounded = Constraints(costs(Slowness(lambda arch: arch.genes["width"] / 1000)), max_slowness="7ms")
    found = run(_size, DOZEN, bounded, np.random.default_rng(0), task=MICRO, method=method, budget=50)
    assert sorted(each.arch.genes["width"] for each in found.candidates) == [2, 3, 4, 5, 6, 7]
    assert found.allowed is None
    assert found.acceptance.kept >= 6 or method == "exhaustive"

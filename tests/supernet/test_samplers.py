"""Samplers: the common protocol of all registered ones, and the distribution of each against its definition."""

import json
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from autoprox.base.errors import SpecError
from autoprox.networks import define_space
from autoprox.spaces import Gene, TaskShape, load_space
from autoprox.supernet import Subnets
from autoprox.supernet.samplers import (
    SAMPLERS,
    Balanced,
    ComplexityAware,
    GroupDistance,
    LowRankAware,
    MarginPairs,
    Performance,
    Sandwich,
    Uniform,
    prior_gap,
)
from tests.supernet.test_supernet import perceptron

SUBNETS = {name: Subnets(load_space(name), TaskShape(10, 8, 1)) for name in ("autoformer-micro", "pit-micro")}
TINY = Subnets(
    define_space("perceptrons", [Gene("width", (8, 16)), Gene("depth", (1, 2, 3))], perceptron, img_sizes=[8]),
    TaskShape(10, 8, 1),
)
every = pytest.mark.parametrize("name", list(SAMPLERS))
everywhere = pytest.mark.parametrize("space", list(SUBNETS))


def made(name: str, space: str, seed: int = 0):
    return SAMPLERS[name](SUBNETS[space], np.random.default_rng(seed))


def steps(sampler, count: int) -> list[list[str]]:
    """Subnets of a run of steps, with losses that depend on the subnet only."""
    asked = []
    for step in range(count):
        archs = sampler.ask(step / count)
        sampler.tell(archs, [int(arch.arch_id[:4], 16) / 2**16 for arch in archs])
        asked.append([arch.json for arch in archs])
    return asked


@every
@everywhere
def test_same_seed_same_subnets_and_all_are_allowed(name: str, space: str) -> None:
    first, again, other = (steps(made(name, space, seed), 40) for seed in (3, 3, 4))
    assert first == again != other
    owner = SUBNETS[space].space
    assert all(owner.why_not(json.loads(text)) == [] for step in first for text in step)


@every
def test_a_restored_state_goes_on_alike(name: str) -> None:
    sampler = made(name, "pit-micro", 1)
    steps(sampler, 30)
    state = json.loads(json.dumps(sampler.state()))
    expected = steps(sampler, 30)
    fresh = made(name, "pit-micro", 99)
    fresh.restore(state)
    assert steps(fresh, 30) == expected


def test_uniform_draws_each_architecture_alike() -> None:
    sampler = Uniform(TINY, np.random.default_rng(0))
    counts = Counter(sampler.ask(0.0)[0].json for _ in range(1200))
    assert len(counts) == 6
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_a_sandwich_holds_the_largest_and_the_smallest() -> None:
    subnets = SUBNETS["autoformer-micro"]
    asked = Sandwich(subnets, np.random.default_rng(0), count=5).ask(0.5)
    assert len(asked) == 5
    pool = [subnets.macs(arch) for arch in subnets.pool]
    assert subnets.macs(asked[0]) >= max(pool)
    assert subnets.macs(asked[1]) <= min(pool)


def test_a_balanced_sampler_draws_in_proportion_to_cost() -> None:
    """With one of two drawn from six architectures, the probabilities are an explicit sum over all pairs of draws."""
    sampler = Balanced(TINY, np.random.default_rng(1), count=3, among=2)
    costs = {arch.json: TINY.macs(arch) for arch in TINY.pool}
    names = sorted(costs)
    expected = dict.fromkeys(names, 0.0)
    for first in names:
        for second in names:
            for own in (first, second):
                expected[own] += costs[own] / (costs[first] + costs[second]) / len(names) ** 2
    counts = Counter(sampler.ask(0.0)[2].json for _ in range(3000))
    found = [counts[name] for name in names]
    assert stats.chisquare(found, [3000 * expected[name] for name in names]).pvalue > 1e-3


def test_subnets_of_a_complexity_step_come_from_one_bank_and_banks_are_walked() -> None:
    subnets = SUBNETS["pit-micro"]
    sampler = ComplexityAware(subnets, np.random.default_rng(2), count=4, banks=6)
    place = {arch: number for number, bank in enumerate(sampler.banks) for arch in bank}
    assert sorted(len(bank) for bank in sampler.banks)[0] >= len(subnets.pool) // 6
    moves: dict[int, Counter[int]] = {bank: Counter() for bank in range(6)}
    smallest, before = {}, sampler.bank
    for _ in range(6000):
        *members, least = sampler.ask(0.0)
        banks = {place[arch] for arch in members}
        assert len(banks) == 1
        (bank,) = banks
        moves[before][bank - before] += 1
        smallest.setdefault(bank // 2, set()).add(least)
        before = bank
    for bank, seen in moves.items():
        ends = {0: {0: 2 / 3, 1: 1 / 3}, 5: {0: 2 / 3, -1: 1 / 3}}
        expected = ends.get(bank, dict.fromkeys((-1, 0, 1), 1 / 3))
        total = sum(seen.values())
        assert set(seen) == set(expected)
        assert stats.chisquare([seen[m] for m in expected], [total * p for p in expected.values()]).pvalue > 1e-4
    assert all(len(found) == 1 for found in smallest.values())
    tiers = [subnets.macs(next(iter(smallest[tier]))) for tier in range(3)]
    assert tiers == sorted(tiers)
    assert next(iter(smallest[0])) == subnets.smallest
    assert next(iter(smallest[2])) == sampler.banks[4][0]


def test_a_performance_sampler_prefers_and_then_remembers() -> None:
    subnets = SUBNETS["autoformer-micro"]

    def by_width(arch):
        return arch.genes["hidden_dim"]

    choosing = Performance(subnets, np.random.default_rng(0), among=5, prefer=by_width)
    widths = np.array([by_width(arch) for arch in choosing.banks[choosing.bank]])
    expected = np.random.default_rng(1).choice(widths, size=(20_000, 5)).max(axis=1)
    found = np.array([by_width(choosing.member(0.0)) for _ in range(2000)])
    assert abs(found.mean() - expected.mean()) < 4 * expected.std() / 2000**0.5
    assert expected.mean() > widths.mean()
    sampler = Performance(subnets, np.random.default_rng(0), memory=4, prefer=by_width)
    archs = list(sampler.banks[sampler.bank][:10])
    for start in range(0, 9, 3):
        sampler.tell(archs[start : start + 3], [float(index) for index in range(start, start + 3)])
    kept = sampler.remembered[sampler.bank]
    assert sorted(-score for score in kept.values()) == [0.0, 1.0, 2.0, 3.0]
    weights = np.exp(-np.arange(4.0))
    drawn = Counter()
    for _ in range(4000):
        bank = sampler.bank
        found = sampler.member(1.0)  # at the end of the training: always from the memory
        assert sampler.bank == bank
        drawn[archs.index(found)] += 1
    assert stats.chisquare([drawn[index] for index in range(4)], 4000 * weights / weights.sum()).pvalue > 1e-3


def test_pairs_are_further_apart_than_the_margin() -> None:
    subnets = SUBNETS["autoformer-micro"]
    sampler, distance = MarginPairs(subnets, np.random.default_rng(0)), GroupDistance(subnets)
    rng = np.random.default_rng(5)
    mean = np.mean([distance(subnets.draw(rng), subnets.draw(rng)) for _ in range(2000)])
    assert sampler.threshold == pytest.approx(mean, rel=0.05)
    for _ in range(50):
        first, second, third, fourth = sampler.ask(0.0)
        assert min(distance(first, second), distance(third, fourth)) >= sampler.threshold
    unreachable = MarginPairs(subnets, np.random.default_rng(0), pairs=1, threshold=1e9, tries=20)
    furthest = distance(*unreachable.ask(0.0))
    rng = np.random.default_rng(0)
    assert furthest == max(distance(subnets.draw(rng), subnets.draw(rng)) for _ in range(20))


def test_the_gap_of_a_prior_is_a_distance() -> None:
    subnets = SUBNETS["pit-micro"]
    sampler = MarginPairs(subnets, np.random.default_rng(0), distance=prior_gap(subnets.macs), pairs=3)
    for _ in range(20):
        asked = sampler.ask(0.0)
        gaps = [
            abs(subnets.macs(one) - subnets.macs(other)) for one, other in zip(asked[::2], asked[1::2], strict=True)
        ]
        assert min(gaps) >= sampler.threshold


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda rng: Sandwich(TINY, rng, count=1), "at least 2 subnets per step, not 1"),
        (lambda rng: Balanced(TINY, rng, among=0), "among at least 1 subnet, not 0"),
        (lambda rng: ComplexityAware(TINY, rng, count=1), "at least 2 subnets, not 1"),
        (lambda rng: ComplexityAware(TINY, rng, banks=2), "at least 3 banks, not 2"),
        (lambda rng: ComplexityAware(TINY, rng, banks=40), "too few architectures for 40 banks"),
        (lambda rng: Performance(TINY, rng), "no feature 'mean_width'"),
        (lambda rng: Performance(TINY, rng, memory=1, prefer=TINY.macs), "at least 2 subnets, not 1"),
        (lambda rng: MarginPairs(TINY, rng, pairs=0), "at least 1 pair, not 0"),
        (lambda rng: MarginPairs(TINY, rng, tries=0), "At least 1 pair must be tried, not 0"),
    ],
)
def test_settings_that_make_no_sampler_are_one_line(make, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make(np.random.default_rng(0))


def test_small_ranks_are_drawn_in_inverse_proportion_to_their_product():
    genes = [Gene("ranks", (0.25, 0.5, 1.0), along=2), Gene("width", (8, 16))]
    space = define_space("ranked", genes, perceptron, img_sizes=[8])
    sampler = LowRankAware(Subnets(space, TaskShape(10, 8, 1)), np.random.default_rng(0))
    drawn = [sampler.ask(0.0)[0].genes for _ in range(7_000)]
    pairs = [(first, second) for first in (0.25, 0.5, 1.0) for second in (0.25, 0.5, 1.0)]
    found = Counter(tuple(each["ranks"]) for each in drawn)
    inverse = np.array([1 / (first * second) for first, second in pairs])
    assert stats.chisquare([found[pair] for pair in pairs], 7_000 * inverse / inverse.sum()).pvalue > 1e-3
    widths = Counter(each["width"] for each in drawn)
    assert stats.chisquare([widths[8], widths[16]]).pvalue > 1e-3


def test_ranks_are_numbers_above_zero():
    space = define_space("ranked", [Gene("ranks", (0, 1), along=2)], perceptron, img_sizes=[8])
    with pytest.raises(SpecError, match="are not ranks: give numbers above 0"):
        LowRankAware(Subnets(space, TaskShape(10, 8, 1)), np.random.default_rng(0))

"""Algorithm 1 against a sequential loop written from the paper's text, and the rules of its batched form."""

import numpy as np
import pytest
from deap import gp

from autoprox.base.errors import SpecError
from autoprox.evolve._individual import Individual, Proposal
from autoprox.evolve.fitness import Evaluation, Status
from autoprox.evolve.strategies._elites import ElitesSettings
from autoprox.evolve.strategies._elitism_preserve import ElitismPreserve
from autoprox.graph import parse


def individual(value: float, number: int, tree: gp.PrimitiveTree | None = None) -> Individual:
    """A candidate with this fitness and a unique graph."""
    marks = "".join(("abs(", "neg(")[int(bit)] for bit in f"{number:b}")
    graph = parse(f"{marks}nodes_sum(params){')' * len(f'{number:b}')}")
    return Individual(tree or [], graph, Evaluation(Status.VALID, 1, (value,), value, np.nan, value))


class Numbers:
    """Breeds trees that hold one number: a child's differs a little from its parent's."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self._numbers = np.random.default_rng(seed + 1)

    def fresh(self) -> Proposal:
        return Proposal(gp.PrimitiveTree([self._numbers.normal()]), None)

    def mutant(self, parent: Individual) -> Proposal:
        number = parent[0] if len(parent) else 0.0
        return Proposal(gp.PrimitiveTree([number + 0.3 * self._numbers.normal()]), None)


def filled(settings: ElitesSettings, values: list[float], kind=ElitismPreserve, seed: int = 3):
    """A strategy with a population of these values."""
    strategy = kind(settings, Numbers(seed))
    members = [individual(value, number) for number, value in enumerate(values)]
    while members:
        batch, members = members[: settings.parents], members[settings.parents :]
        strategy.ask()
        strategy.tell([*batch, *[None] * (settings.parents - len(batch))])
    assert values_of(strategy) == values
    return strategy


def values_of(strategy) -> list[float]:
    return [each.value for each in strategy.members]


def test_sequential_form_is_the_papers():
    """B = 1: the same parents, acceptances and removals as a plain loop over the paper's steps."""
    settings = ElitesSettings(population=8, sample_ratio=0.5, top_k=2, margin=0.05, parents=1, retries=3)
    start = [0.1, 0.5, 0.3, 0.2, 0.6, 0.05, 0.4, 0.15]
    children = list(np.random.default_rng(7).uniform(0, 1.2, size=200))
    strategy = filled(settings, start)
    for number, value in enumerate(children):
        strategy.ask()
        strategy.tell([individual(value, 100 + number)])

    members, stream, own = list(start), list(children), np.random.default_rng(3)
    while stream:
        pool = [members[index] for index in own.choice(len(members), 4, replace=False)]
        parent = sorted(pool, reverse=True)[:2][int(own.integers(2))]
        for _ in range(3):
            if not stream:
                break
            child = stream.pop(0)
            if child - parent >= 0.05:
                members.append(child)
                members.remove(min(members))
                break
    assert values_of(strategy) == members


TWO = ElitesSettings(population=2, sample_ratio=1.0, top_k=1, margin=0.1, parents=1, retries=5)


def test_child_below_the_margin_is_refused():
    strategy = filled(TWO, [0.1, 0.5])
    strategy.ask()
    strategy.tell([individual(0.59, 20)])
    assert values_of(strategy) == [0.1, 0.5]
    strategy.ask()
    strategy.tell([individual(0.61, 21)])
    assert values_of(strategy) == [0.5, 0.61]


def test_invalid_children_cost_a_try_only():
    strategy = filled(TWO, [0.1, 0.5])
    for _ in range(10):
        strategy.ask()
        strategy.tell([None])
    assert values_of(strategy) == [0.1, 0.5]


def test_population_holds_no_graph_twice():
    settings = ElitesSettings(population=2, sample_ratio=1.0, top_k=1, margin=0.0, parents=2, retries=2)
    strategy = filled(settings, [0.1, 0.5])
    strategy.ask()
    strategy.tell([individual(0.9, 20), individual(0.9, 20)])
    assert sorted(values_of(strategy)) == [0.5, 0.9]


def test_of_equally_fit_members_the_larger_leaves():
    settings = ElitesSettings(population=2, sample_ratio=1.0, top_k=2, margin=0.0, parents=1, retries=2)
    strategy = filled(settings, [0.1, 0.1])
    large = max(strategy.members, key=lambda each: each.graph.size)
    small = min(strategy.members, key=lambda each: each.graph.size)
    strategy.admit([individual(0.5, 3)])
    assert (large in strategy.members, small in strategy.members) == (large is small, True)


def test_best_member_never_leaves():
    strategy = filled(
        ElitesSettings(population=4, sample_ratio=0.5, top_k=2, margin=0.01, parents=3, retries=2), [0.1, 0.9, 0.3, 0.2]
    )
    rng = np.random.default_rng(0)
    best = 0.9
    for round_ in range(60):
        strategy.ask()
        drawn = rng.uniform(0, 1, size=3)
        strategy.tell([individual(value, 30 + 3 * round_ + place) for place, value in enumerate(drawn)])
        now = max(values_of(strategy))
        assert now >= best
        best = now
        assert len(strategy.members) == 4


@pytest.mark.parametrize("seed", range(3))
def test_search_climbs_where_random_draws_do_not(seed):
    """If children resemble their parents, 2,000 children get further than the best of 2,000 new draws."""
    strategy = ElitismPreserve(ElitesSettings(population=32, parents=16), Numbers(seed))
    numbers = iter(range(10**6))
    for _ in range(2000 // 16):
        trees = [each.tree for each in strategy.ask()]
        strategy.tell([individual(tree[0], next(numbers), tree) for tree in trees])
    assert max(values_of(strategy)) > np.random.default_rng(seed).normal(size=2000).max() + 1


@pytest.mark.parametrize(
    "wrong",
    [{"population": 0}, {"top_k": 0}, {"parents": 0}, {"retries": 0}, {"sample_ratio": 0.0}, {"sample_ratio": 1.1}],
)
def test_bad_settings(wrong):
    with pytest.raises(SpecError, match=next(iter(wrong))):
        ElitesSettings(**wrong)

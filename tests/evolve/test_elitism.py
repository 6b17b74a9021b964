"""Algorithm 1 against a sequential loop written from the paper's text, and the rules of its batched form."""

from collections.abc import Callable

import numpy as np
import pytest
from deap import gp

from autoprox.errors import SpecError
from autoprox.evolve.elitism import ElitismPreserve, Settings
from autoprox.evolve.fitness import Evaluation, Status
from autoprox.evolve.individual import Individual
from autoprox.graph import parse


class Tree(list):
    """Stands for a tree; only its identity and value matter here."""


def individual(value: float, number: int) -> Individual:
    graph = parse(
        "neg(" * (number % 7) + f"nodes_sum({'abs(' * (number // 7)}params{')' * (number // 7)})" + ")" * (number % 7)
    )
    return Individual([], graph, Evaluation(Status.VALID, 1, (value,), value))


def search(
    settings: Settings, vary: Callable[[gp.PrimitiveTree], gp.PrimitiveTree] = lambda tree: tree
) -> ElitismPreserve:
    return ElitismPreserve(settings, fresh=lambda: gp.PrimitiveTree([]), vary=vary)


def filled(settings: Settings, values: list[float]) -> ElitismPreserve:
    """A search whose population has these values."""
    strategy = search(settings)
    rng = np.random.default_rng(0)
    members = [individual(value, number) for number, value in enumerate(values)]
    while members:
        batch, members = members[: settings.parents], members[settings.parents :]
        strategy.ask(rng)
        strategy.tell([*batch, *[None] * (settings.parents - len(batch))])
    assert [each.joint for each in strategy.population] == values
    return strategy


def test_sequential_form_is_the_papers():
    """B = 1: the same parents, acceptances and removals as a plain loop over the paper's steps."""
    settings = Settings(population=8, sample_ratio=0.5, top_k=2, margin=0.05, parents=1, retries=3)
    start = [0.1, 0.5, 0.3, 0.2, 0.6, 0.05, 0.4, 0.15]
    children = list(np.random.default_rng(7).uniform(0, 1.2, size=200))
    strategy, rng = filled(settings, start), np.random.default_rng(3)
    for number, value in enumerate(children):
        strategy.ask(rng)
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
    assert [each.joint for each in strategy.population] == members


def test_child_below_the_margin_is_refused():
    strategy = filled(Settings(population=2, sample_ratio=1.0, top_k=1, margin=0.1, parents=1, retries=5), [0.1, 0.5])
    rng = np.random.default_rng(0)
    strategy.ask(rng)
    strategy.tell([individual(0.59, 20)])
    assert [each.joint for each in strategy.population] == [0.1, 0.5]
    strategy.ask(rng)
    strategy.tell([individual(0.61, 21)])
    assert [each.joint for each in strategy.population] == [0.5, 0.61]


def test_invalid_children_cost_a_try_only():
    strategy = filled(Settings(population=2, sample_ratio=1.0, top_k=1, margin=0.0, parents=1, retries=2), [0.1, 0.5])
    rng = np.random.default_rng(0)
    for _ in range(10):
        strategy.ask(rng)
        strategy.tell([None])
    assert [each.joint for each in strategy.population] == [0.1, 0.5]


def test_population_holds_no_graph_twice():
    strategy = filled(Settings(population=2, sample_ratio=1.0, top_k=1, margin=0.0, parents=2, retries=2), [0.1, 0.5])
    rng = np.random.default_rng(0)
    strategy.ask(rng)
    strategy.tell([individual(0.9, 20), individual(0.9, 20)])
    assert sorted(each.joint for each in strategy.population) == [0.5, 0.9]


def test_best_member_never_leaves():
    strategy = filled(
        Settings(population=4, sample_ratio=0.5, top_k=2, margin=0.01, parents=3, retries=2), [0.1, 0.9, 0.3, 0.2]
    )
    rng = np.random.default_rng(0)
    best = 0.9
    for round_ in range(60):
        strategy.ask(rng)
        values = rng.uniform(0, 1, size=3)
        strategy.tell([individual(value, 30 + 3 * round_ + place) for place, value in enumerate(values)])
        now = max(each.joint for each in strategy.population)
        assert now >= best
        best = now
        assert len(strategy.population) == 4


@pytest.mark.parametrize("seed", range(5))
def test_search_climbs_where_random_draws_do_not(seed):
    """Where a child resembles its parent, 2,000 children get further than the best of 2,000 fresh draws."""
    rng = np.random.default_rng(seed)
    strategy = ElitismPreserve(
        Settings(population=32, parents=16),
        fresh=lambda: gp.PrimitiveTree([rng.normal()]),
        vary=lambda tree: gp.PrimitiveTree([tree[0] + 0.3 * rng.normal()]),
    )
    graphs = iter(range(10**6))
    for _ in range(2000 // 16):
        trees = strategy.ask(rng)
        strategy.tell([_valued(tree, next(graphs)) for tree in trees])
    assert max(each.joint for each in strategy.population) > rng.normal(size=2000).max() + 1


def _valued(tree: gp.PrimitiveTree, number: int) -> Individual:
    """A candidate whose worth is the number that its tree holds."""
    marks = "".join(("abs(", "neg(")[int(bit)] for bit in f"{number:b}")
    graph = parse(f"{marks}nodes_sum(params){')' * len(f'{number:b}')}")
    return Individual(tree, graph, Evaluation(Status.VALID, 1, (tree[0],), tree[0]))


@pytest.mark.parametrize(
    "wrong",
    [{"population": 0}, {"top_k": 0}, {"parents": 0}, {"retries": 0}, {"sample_ratio": 0.0}, {"sample_ratio": 1.1}],
)
def test_bad_settings(wrong):
    with pytest.raises(SpecError, match=next(iter(wrong))):
        Settings(**wrong)

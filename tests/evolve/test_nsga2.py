"""NSGA-II against dominance worked out pair by pair."""

from types import SimpleNamespace

import numpy as np
from deap import base, tools
from hypothesis import given, settings
from hypothesis import strategies as st

from autoprox.evolve._front import Front, FrontPoint
from autoprox.evolve._individual import Individual
from autoprox.evolve.fitness import Evaluation, Status
from autoprox.evolve.strategies._nsga2 import Nsga2, Nsga2Settings, non_dominated_fronts, selected
from autoprox.graph import parse

POINTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 4)), min_size=1, max_size=30)


def beats(one, other) -> bool:
    """At least as good in everything, and better in something: joint and beyond high, size low."""
    no_worse = one[0] >= other[0] and one[1] >= other[1] and one[2] <= other[2]
    return no_worse and one != other


@given(points=POINTS)
@settings(max_examples=60)
def test_front_is_what_nobody_beats(points):
    front = Front(FrontPoint(str(index), 1, size, a, b) for index, (a, b, size) in enumerate(points))
    kept = sorted((each.joint, each.beyond, each.size) for each in front.points)
    expected = sorted({each for each in points if not any(beats(other, each) for other in points)})
    assert kept == expected
    joints = [each.joint for each in front.sorted()]
    assert joints == sorted(joints, reverse=True)


def test_selection_keeps_the_front():
    rng = np.random.default_rng(0)
    candidates = [
        Individual([], parse(f"{'abs(' * n}nodes_sum(params){')' * n}"), evaluation)
        for n in range(40)
        for evaluation in [Evaluation(Status.VALID, 1, (float(n),), *rng.uniform(size=2).tolist(), 0.0)]
    ]
    strategy = Nsga2(Nsga2Settings(population=20), breeder=None)
    strategy.tell(candidates)
    values = [(each.evaluation.joint, each.evaluation.beyond, each.graph.size) for each in candidates]
    front = [
        each for each, own in zip(candidates, values, strict=True) if not any(beats(other, own) for other in values)
    ]
    assert 0 < len(front) <= 20
    assert all(any(each is member for member in strategy.members) for each in front)
    assert len(strategy.members) == 20


class Fitness(base.Fitness):
    weights = (1.0, 1.0, -1.0)


@given(values=st.lists(st.tuples(*[st.integers(0, 5) | st.floats(-1, 1)] * 3), min_size=1, max_size=60), data=st.data())
@settings(max_examples=100)
def test_fronts_and_selection_are_those_of_deap(values, data):
    points = [SimpleNamespace(fitness=Fitness(tuple(map(float, each)))) for each in values]
    fronts = non_dominated_fronts(points)
    expected = tools.sortLogNondominated(points, len(points))
    assert [[id(each) for each in front] for front in fronts] == [[id(each) for each in front] for front in expected]
    count = data.draw(st.integers(1, len(points)))
    for front in fronts:
        tools.emo.assignCrowdingDist(front)
    chosen = selected(fronts, count)
    assert [id(each) for each in chosen] == [id(each) for each in tools.selNSGA2(points, count, nd="log")]


def test_one_ranking_written_twice_is_kept_once():
    evaluation = Evaluation(Status.VALID, 1, (0.5,), 0.5, 0.2, 0.5)
    pair = [Individual([], parse(text), evaluation) for text in ("abs(nodes_sum(params))", "neg(nodes_sum(params))")]
    strategy = Nsga2(Nsga2Settings(population=20), breeder=None)
    strategy.tell(pair)
    assert list(strategy.members) == pair[:1]

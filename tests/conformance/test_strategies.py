"""Laws of every strategy, taken up by its registration."""

import numpy as np
import pytest

from autoprox.base.errors import SpecError
from autoprox.evolve.fitness import Status
from autoprox.evolve.grammar import proxy_grammar
from autoprox.evolve.island import DUPLICATE, KINDS, Island
from autoprox.evolve.leaves import first_bank
from autoprox.evolve.plan import EvolutionPlan, Stop
from autoprox.evolve.strategies import STRATEGIES
from tests.evolve.world import World, search

pytestmark = pytest.mark.parametrize("name", STRATEGIES)

GRAMMAR = proxy_grammar(first_bank())
SMALL = {"population": 24, "parents": 8, "offspring": 8, "batch": 8, "top_k": 4}


def settings(name: str):
    """Settings of a strategy that are small enough for a test."""
    kind = STRATEGIES[name].settings_type
    return kind.read([f"{key}={value}" for key, value in SMALL.items() if hasattr(kind, key)])


def island(name: str, seed: int = 0) -> Island:
    world = World()
    fitness = world.fitness(measures_beyond=True)
    return Island(STRATEGIES[name], settings(name), fitness, GRAMMAR, lambda _: None, np.random.default_rng(seed))


def found(trials) -> list[tuple]:
    return [(each.outcome, each.text, each.parents) for part in trials for each in part]


def test_same_seed_same_course(name):
    first, second = island(name).advance(6), island(name).advance(6)
    assert found(first) == found(second)
    assert found(first) != found(island(name, seed=1).advance(6))


def test_a_restored_strategy_goes_on_as_the_stored_one(name):
    one = island(name)
    before = one.advance(5)
    other = island(name, seed=99)
    other.restore(one.state())
    # What was evaluated before is known from the journal, in both.
    known = {each.digest: each.evaluation for part in before for each in part if each.evaluation is not None}
    one._earlier = other._earlier = known.get
    assert found(one.advance(5)) == found(other.advance(5))
    assert one.state() == other.state()


def test_no_graph_is_evaluated_twice(name):
    trials = [each for part in island(name).advance(10) for each in part]
    digests = [each.digest for each in trials if each.evaluation is not None]
    assert len(set(digests)) == len(digests)
    assert {each.outcome for each in trials if each.evaluation is None} <= {DUPLICATE, KINDS}


@pytest.mark.parametrize("islands", [1, 3])
def test_budget_is_met_exactly(name, islands, tmp_path):
    plan = EvolutionPlan(strategy=name, settings=settings(name), islands=islands)
    outcome = search(plan, Stop(150), tmp_path / "journal.sqlite").outcome
    assert outcome.evaluated == 150
    values = [each.value for each in outcome.hall]
    assert values == sorted(values, reverse=True)
    assert all(each.evaluation.status is Status.VALID for each in outcome.hall)


def test_migrants_are_taken_in_or_refused_without_harm(name):
    one, two = island(name), island(name, seed=5)
    one.advance(6)
    two.advance(6)
    size = len(two.strategy.members)
    two.strategy.admit(one.strategy.members[:2])
    assert len(two.strategy.members) in (size, min(size + 2, SMALL["population"]))
    two.advance(2)


def test_settings_are_checked(name):
    kind = STRATEGIES[name].settings_type
    for wrong in (["populatoin=3"], ["x"], [f"{next(iter(kind.__dataclass_fields__))}=0"]):
        with pytest.raises(SpecError):
            kind.read(wrong)
    with pytest.raises(SpecError, match="takes"):
        EvolutionPlan(strategy=name, settings=object())

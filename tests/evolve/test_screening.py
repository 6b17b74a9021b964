"""Screening of candidates before evaluation: an early exit, and draws until one is new."""

import numpy as np
import pytest

from autoprox.base.errors import SpecError
from autoprox.evolve.breeding import Breeder
from autoprox.evolve.fitness import Fitness, Status
from autoprox.evolve.grammar import proxy_grammar
from autoprox.evolve.plan import EvolutionPlan
from autoprox.graph import LeafTable, parse
from tests.evolve.world import World, leaves

PARAMS = parse("params")


def test_a_candidate_that_scores_the_first_networks_alike_is_rejected_early():
    world = World()
    values = leaves([PARAMS], world.networks)
    for index, each in enumerate(values):
        each.values[PARAMS.digest][:] = max(index, 2)  # the first three are alike
    graph, table = parse("nodes_mean(params)"), LeafTable(values)
    statuses = [Fitness(world, table, early_exit=first).evaluate([graph])[0].evaluation.status for first in (0, 3, 4)]
    assert statuses == [Status.VALID, Status.EARLY, Status.VALID]


@pytest.mark.parametrize("redraws", [1, 8])
def test_a_proposal_is_drawn_until_it_is_new(redraws):
    grammar, asked = proxy_grammar([PARAMS]), []

    def known(digest: str) -> bool:
        asked.append(digest)
        return True

    Breeder(grammar, known, np.random.default_rng(0), redraws=redraws).fresh()
    assert len(asked) == redraws


@pytest.mark.parametrize("wrong", [{"redraws": 0}, {"early_exit": 1}, {"early_exit": -1}])
def test_bad_screening_is_refused(wrong):
    with pytest.raises(SpecError, match=next(iter(wrong)).replace("_", " ")):
        EvolutionPlan(**wrong)


def test_screening_stands_in_the_definition_where_it_is_not_as_usual():
    usual = EvolutionPlan().to_document()
    assert not {"redraws", "early_exit"} & set(usual)
    assert EvolutionPlan(redraws=1, early_exit=3).to_document() == usual | {"redraws": 1, "early_exit": 3}

"""Definition of a run: exactly the data that determine its course."""

from dataclasses import replace

import pytest

from autoprox.bench import Problem, Table
from autoprox.evolve import Discoverer, EvolutionPlan
from autoprox.evolve.leaves import first_bank
from autoprox.graph import PRIMITIVES, Level


@pytest.fixture(scope="module")
def discoverer():
    table = Table.read()
    return Discoverer(Problem(table, tuple(table.blocks(["pit-micro"], ["digits"]))))


@pytest.mark.parametrize(("weight", "counts"), [(0.0, False), (1.0, True)])
@pytest.mark.parametrize(("level", "name"), [(Level.TENSOR, "l1"), (Level.NODE, "abs"), (Level.SCALAR, "abs")])
def test_a_run_is_defined_by_the_primitives_that_it_can_draw(discoverer, monkeypatch, level, name, weight, counts):
    """A primitive that evolution never draws does not change the journals of earlier runs or the first bank."""
    before, known = discoverer.definition(EvolutionPlan()), dict(PRIMITIVES[level].items())
    bank = [each.digest for each in first_bank.__wrapped__()]
    monkeypatch.setattr(
        PRIMITIVES[level], "_entries", known | {"mine": replace(known[name], name="mine", weight=weight)}
    )
    assert (discoverer.definition(EvolutionPlan()) != before) is counts
    changed = [each.digest for each in first_bank.__wrapped__()] != bank
    assert changed is (counts and level is Level.TENSOR)


def test_a_changed_primitive_is_another_definition(discoverer, monkeypatch):
    before, known = discoverer.definition(EvolutionPlan()), dict(PRIMITIVES[Level.NODE].items())
    monkeypatch.setattr(PRIMITIVES[Level.NODE], "_entries", known | {"abs": replace(known["abs"], version=7)})
    assert discoverer.definition(EvolutionPlan())["primitives"] != before["primitives"]

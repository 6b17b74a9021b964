"""Diversity prompting: the better one of an offspring and a fresh candidate enters, and the worst members leave."""

from collections import Counter

import numpy as np
import pytest

from autoprox.errors import SpecError
from autoprox.evolve._individual import Individual, Proposal
from autoprox.evolve.strategies._diversity_prompting import DiversityPrompting, DiversityPromptingSettings
from tests.evolve.test_elites import Numbers, individual, values_of

TWO = DiversityPromptingSettings(population=2, pairs=1)


class Marked(Numbers):
    """Marks each proposal with its origin."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.asked: Counter[str] = Counter()
        self.parents: list[Individual] = []

    def fresh(self) -> Proposal:
        self.asked["fresh"] += 1
        return super().fresh()

    def mutant(self, parent: Individual) -> Proposal:
        self.asked["mutant"] += 1
        self.parents.append(parent)
        return super().mutant(parent)

    def crossing(self, mother: Individual, father: Individual) -> Proposal:
        self.asked["crossing"] += 1
        self.parents += [mother, father]
        return super().mutant(mother)


def filled(settings: DiversityPromptingSettings, values: list[float]) -> tuple[DiversityPrompting, Marked]:
    breeder = Marked(3)
    strategy = DiversityPrompting(settings, breeder)
    strategy.ask()
    strategy.tell([individual(value, number) for number, value in enumerate(values)])
    assert values_of(strategy) == sorted(values, reverse=True)
    breeder.asked.clear()
    return strategy, breeder


@pytest.mark.parametrize(
    ("child", "fresh", "expected"),
    [
        (0.7, 0.65, [0.7, 0.5]),  # better than the fresh one, and than the worst member
        (0.7, 0.8, [0.8, 0.5]),  # the fresh one is better and takes its place
        (0.3, 0.2, [0.5, 0.3]),  # need not pass its parent to pass the worst member
        (0.05, 0.02, [0.5, 0.1]),  # both worse than all members
        (None, 0.9, [0.9, 0.5]),
        (0.9, None, [0.9, 0.5]),
        (None, None, [0.5, 0.1]),
    ],
)
def test_the_better_of_both_enters_and_the_population_keeps_its_size(child, fresh, expected):
    strategy, _ = filled(TWO, [0.1, 0.5])
    assert len(strategy.ask()) == 2
    answers = [None if value is None else individual(value, 20 + place) for place, value in enumerate((child, fresh))]
    strategy.tell(answers)
    assert values_of(strategy) == expected


def test_each_is_judged_by_its_own_fitness():
    """In the original code both have the fitness of a third candidate, so that the fresh one always enters."""
    strategy, _ = filled(TWO, [0.1, 0.5])
    strategy.ask()
    better, worse = individual(0.9, 30), individual(0.6, 31)
    strategy.tell([better, worse])
    assert strategy.members[0] is better
    assert all(each is not worse for each in strategy.members)


def test_half_are_fresh_and_offspring_are_crossed_or_mutated_alike_from_the_better_half():
    settings = DiversityPromptingSettings(population=8, pairs=8)
    strategy, breeder = filled(settings, [number / 10 for number in range(8)])
    for _ in range(100):
        strategy.ask()
    assert breeder.asked["fresh"] == 800
    assert breeder.asked["crossing"] == pytest.approx(400, abs=5 * np.sqrt(200))
    assert breeder.asked["crossing"] + breeder.asked["mutant"] == 800
    assert min(parent.value for parent in breeder.parents) == 0.4


def test_a_graph_is_there_once():
    strategy, _ = filled(TWO, [0.1, 0.5])
    strategy.ask()
    strategy.tell([strategy.members[0], None])
    assert values_of(strategy) == [0.5, 0.1]


@pytest.mark.parametrize("wrong", [{"population": 0}, {"pairs": 0}, {"parents_ratio": 0.0}, {"crossover": 1.5}])
def test_bad_settings(wrong):
    with pytest.raises(SpecError, match=next(iter(wrong))):
        DiversityPromptingSettings(**wrong)

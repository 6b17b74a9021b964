"""A world of made-up leaf values with known best graphs: the engine does not care where values come from."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from autoprox.evolve.bank import Bank
from autoprox.evolve.engine import Engine, EvolutionOutcome
from autoprox.evolve.evolution_journal import EvolutionJournal
from autoprox.evolve.fitness import Fitness
from autoprox.evolve.leaves import first_bank
from autoprox.evolve.plan import EvolutionPlan, Stop
from autoprox.graph import Evaluator, LeafTable, Leaves, parse
from autoprox.inspect.nodes import Role, Site
from autoprox.metrics import Aggregate, kendall_tau_b

COUNT = 24
ROLES = {
    Site.LINEAR: (Role.EMBED, Role.ATTENTION, Role.MLP, Role.HEAD),
    Site.NORM: (Role.ATTENTION, Role.MLP),
    Site.ACTIVATION: (Role.MLP,),
    Site.ATTENTION: (Role.ATTENTION,),
}


@cache
def first_leaves(networks: range) -> list[Leaves]:
    return leaves(first_bank(), networks)


def leaves(expressions, networks) -> list[Leaves]:
    """Leaf values of networks that are only numbers."""
    made = []
    for network in networks:
        values = {
            each.digest: np.random.default_rng([network, int(each.digest[:8], 16)]).normal(
                size=len(ROLES[each.kind.site])
            )
            for each in expressions
        }
        made.append(Leaves(ROLES, values))
    return made


class World:
    """A judge of two blocks with the labels of a known graph, plus noise."""

    aggregate = Aggregate.MEAN

    def __init__(self, networks: range = range(COUNT)) -> None:
        rng = np.random.default_rng(networks.start)
        self.networks = networks
        self.table = LeafTable(first_leaves(networks))
        signal = Evaluator(self.table).scores([parse("nodes_sum(l1(weight_grad))")])[0]
        self.targets = [signal + 0.5 * rng.normal(size=len(networks)) for _ in range(2)]

    def taus(self, scores):
        return np.stack([kendall_tau_b(scores, target) for target in self.targets], axis=1)

    def beyond(self, scores, _taus):
        """The first half of the networks has one size."""
        half = len(self.networks) // 2
        return np.stack([kendall_tau_b(scores[:, :half], target[:half]) for target in self.targets], axis=1)

    def joint(self, taus):
        return taus.mean(axis=1)

    def by_block(self, scores):
        return [scores, scores]

    def fitness(self, beyond_size: float = 0.0, *, measures_beyond: bool = False) -> Fitness:
        return Fitness(self, self.table, beyond_size, measures_beyond=measures_beyond)


@dataclass
class Search:
    """A finished search with its parts."""

    outcome: EvolutionOutcome
    world: World
    bank: Bank
    seen: list[tuple[int, float]]


def search(plan: EvolutionPlan, stop: Stop, journal: Path, *, jobs: int = 1, seeds=()) -> Search:
    """Searches in the world, or resumes from the journal."""
    fit, select = World(), World(range(COUNT, 2 * COUNT))

    def collect(networks, wanted):
        if len(wanted) >= len(first_bank()):
            return [*first_leaves(fit.networks), *first_leaves(select.networks)]
        return leaves(wanted, networks)

    bank = Bank(collect, fit, select)
    seen: list[tuple[int, float]] = []
    with EvolutionJournal(journal, plan.to_document()) as book:
        engine = Engine(plan, fit, bank, book, seeds, lambda *told: seen.append(told), jobs)
        outcome = engine.run(stop)
    return Search(outcome, fit, bank, seen)

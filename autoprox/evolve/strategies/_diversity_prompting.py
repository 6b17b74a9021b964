"""Diversity-prompting selection of EMQ (Dong 2023, https://arxiv.org/abs/2307.10554).

EMQ's search was not released; the loop follows later code of the same author. Parents are from the better half;
crossover and mutation have equal probability. Each offspring is compared with one random candidate; the better one
enters, and the population is cut to its size. In that code both are judged by the fitness of a third candidate, so that
the random one always enters; here each is judged by its own fitness. Half of the budget is spent on random candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

from autoprox.evolve._individual import Individual, Proposal, fittest
from autoprox.evolve.breeding import Breeder
from autoprox.evolve.strategies._base import AbstractSettings, AbstractStrategy


@dataclass(frozen=True)
class DiversityPromptingSettings(AbstractSettings):
    """Settings of diversity prompting.

    Args:
        population: Number of members.
        parents_ratio: Share of the best members from which parents are drawn, in (0, 1].
        crossover: Probability of crossover; otherwise the parent is mutated.
        pairs: Offspring per round, each compared with a fresh candidate.

    Raises:
        SpecError: If a value is out of range.
    """

    population: int = 64
    parents_ratio: float = 0.5
    crossover: float = 0.5
    pairs: int = 32

    def __post_init__(self) -> None:
        self.require_counts("population", "pairs")
        self.require_share("parents_ratio")
        self.require_share("crossover")


@final
class DiversityPrompting(AbstractStrategy):
    """The better one of an offspring and a fresh candidate enters, which refreshes a stagnating population.

    Args:
        settings: Settings.
        breeder: Makes proposals.
    """

    settings_type: ClassVar[type[AbstractSettings]] = DiversityPromptingSettings

    def __init__(self, settings: DiversityPromptingSettings, breeder: Breeder) -> None:
        self._settings = settings
        self._breeder = breeder
        self._members: list[Individual] = []

    @property
    def members(self) -> Sequence[Individual]:
        """The population, best first."""
        return self._members

    @property
    def full(self) -> bool:
        """True if the population is full, so that parents are drawn from it."""
        return len(self._members) >= self._settings.population

    def ask(self) -> list[Proposal]:
        """Fresh candidates until the population is full; then offspring, each followed by a fresh one."""
        if not self.full:
            return [self._breeder.fresh() for _ in range(self._settings.pairs)]
        parents = self._members[: max(1, round(self._settings.parents_ratio * len(self._members)))]
        pairs = [(self._offspring(parents), self._breeder.fresh()) for _ in range(self._settings.pairs)]
        return [proposal for pair in pairs for proposal in pair]

    def tell(self, answers: Sequence[Individual | None]) -> None:
        """Admits all newcomers until the population is full, and then the better one of each pair."""
        if self.full:
            answers = [_better(*pair) for pair in zip(answers[::2], answers[1::2], strict=True)]
        self._enter(answers)

    def admit(self, migrants: Sequence[Individual]) -> None:
        """Admits migrants like winners of pairs."""
        self._enter(migrants)

    def state(self) -> dict[str, Any]:
        """The members."""
        return {"members": [each.to_document() for each in self._members]}

    def restore(self, state: dict[str, Any]) -> None:
        """Restores a stored state."""
        self._members = [Individual.from_document(each, self._breeder.grammar) for each in state["members"]]

    def _offspring(self, parents: Sequence[Individual]) -> Proposal:
        rng = self._breeder.rng
        mother = parents[int(rng.integers(len(parents)))]
        if rng.random() < self._settings.crossover:
            return self._breeder.crossing(mother, parents[int(rng.integers(len(parents)))])
        return self._breeder.mutant(mother)

    def _enter(self, newcomers: Sequence[Individual | None]) -> None:
        """Adds newcomers, each graph once, and cuts the population to its size."""
        known = {each.graph.digest for each in self._members}
        for each in newcomers:
            if each is not None and each.graph.digest not in known:
                known.add(each.graph.digest)
                self._members.append(each)
        self._members = fittest(self._members, self._settings.population)


def _better(offspring: Individual | None, fresh: Individual | None) -> Individual | None:
    """The fitter one of the two; the offspring if they are equal."""
    if offspring is None:
        return fresh
    return fresh if fresh is not None and fresh.fitness > offspring.fitness else offspring

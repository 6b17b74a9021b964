"""Algorithm 1 of Auto-Prox, elitism-preserving search, in batches (Wei 2024, https://arxiv.org/abs/2312.09059).

The paper: draw a pool from the population (ratio r), take its top k, pick one of them as parent, mutate it; append
the child only if it passes its parent by a margin m, else mutate the same parent again; then remove the member with
the lowest joint correlation. Mutation only. Here B parents are worked on at once, so that children are evaluated
together; with B = 1 it is the paper's algorithm, with retries bounded. The paper's values of the population size, r,
k and m are not published: the defaults of `Settings` are ours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from deap import gp

from autoprox.errors import SpecError
from autoprox.evolve.individual import Individual, Proposal


@dataclass(frozen=True)
class Settings:
    """Settings of the search. None of them depends on the budget, so a run can be extended.

    Args:
        population: Number of members.
        sample_ratio: Share of the population in a pool, in (0, 1].
        top_k: How many of the best of a pool may become the parent.
        margin: What a child's joint correlation must add to its parent's.
        parents: Parents worked on at once (B).
        retries: Mutations of one parent before it is given up.

    Raises:
        SpecError: If a value is out of range.
    """

    population: int = 128
    sample_ratio: float = 0.25
    top_k: int = 8
    margin: float = 0.001
    parents: int = 64
    retries: int = 16

    def __post_init__(self) -> None:
        counts = {name: getattr(self, name) for name in ("population", "top_k", "parents", "retries")}
        for name, value in counts.items():
            if value < 1:
                raise SpecError(f"The setting '{name}' must be at least 1, not {value}.")
        if not 0 < self.sample_ratio <= 1:
            raise SpecError(f"The setting 'sample_ratio' must be in (0, 1], not {self.sample_ratio}.")


@dataclass
class _Slot:
    parent: Individual | None = None
    tries: int = 0


@dataclass
class ElitismPreserve:
    """The state of the search, told what its proposals were worth.

    Args:
        settings: Settings.
        fresh: Draws a new tree.
        vary: Draws a mutant of a tree.
    """

    settings: Settings
    fresh: Callable[[], Proposal]
    vary: Callable[[gp.PrimitiveTree], Proposal]
    population: list[Individual] = field(default_factory=list)
    _slots: list[_Slot] = field(default_factory=list)

    def ask(self, rng: np.random.Generator) -> list[Proposal]:
        """Proposes B trees: new ones until the population is full, children of its members afterwards."""
        if len(self.population) < self.settings.population:
            self._slots = []
            return [self.fresh() for _ in range(self.settings.parents)]
        self._slots = self._slots or [_Slot() for _ in range(self.settings.parents)]
        return [self.vary(self._parent(slot, rng)) for slot in self._slots]

    def tell(self, answers: Sequence[Individual | None]) -> None:
        """Takes what the proposals turned out to be, in their order; None for one that is not valid."""
        if not self._slots:
            known = {each.graph.digest for each in self.population}
            for each in answers:
                if (
                    each is not None
                    and each.graph.digest not in known
                    and len(self.population) < self.settings.population
                ):
                    known.add(each.graph.digest)
                    self.population.append(each)
            return
        for slot, child in zip(self._slots, answers, strict=True):
            if child is not None and self._passes(slot, child):
                self.population.append(child)
                worst = min(range(len(self.population)), key=lambda index: self.population[index].fitness)
                del self.population[worst]
                slot.parent = None
            else:
                slot.tries += 1
                if slot.tries >= self.settings.retries:
                    slot.parent = None

    def _passes(self, slot: _Slot, child: Individual) -> bool:
        assert slot.parent is not None
        if child.joint - slot.parent.joint < self.settings.margin:
            return False
        return all(child.graph != each.graph for each in self.population)

    def _parent(self, slot: _Slot, rng: np.random.Generator) -> Individual:
        if slot.parent is None:
            size = max(1, round(self.settings.sample_ratio * len(self.population)))
            pool = [self.population[index] for index in rng.choice(len(self.population), size, replace=False)]
            best = sorted(pool, key=lambda each: each.fitness, reverse=True)[: self.settings.top_k]
            slot.parent = best[int(rng.integers(len(best)))]
            slot.tries = 0
        return slot.parent

"""Islands together: they advance apart, here or in processes, and meet to exchange members in a ring."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from joblib import Parallel, delayed

from autoprox.base.threads import single_threaded
from autoprox.bench.judging import Judge
from autoprox.evolve.fitness import Evaluation, Fitness
from autoprox.evolve.grammar import Grammar, proxy_grammar
from autoprox.evolve.individual import Individual, fittest
from autoprox.evolve.island import Island, Recipe, Stint, Trial
from autoprox.evolve.journal import Reader
from autoprox.graph import Expression, LeafTable

MIGRANTS = 2
"""Members that an island sends to the next one at a meeting, its best."""


@dataclass(eq=False)
class Workshop:
    """What candidates are drawn from and judged by; it can be sent to another process.

    Copies of one workshop are equal as long as they have the same number of terminals, which are only ever added to.

    Args:
        judge: Judge of the fit split.
        table: Leaf values of its networks.
        terminals: The leaves that candidates are made of, in their order.
        beyond_size: Weight of what candidates know beyond size.
        measures_beyond: Whether that is worked out even where its weight is 0.
    """

    judge: Judge
    table: LeafTable
    terminals: list[Expression]
    beyond_size: float = 0.0
    measures_beyond: bool = False
    _token: str = field(default_factory=lambda: uuid4().hex)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workshop) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, int]:
        return self._token, len(self.terminals)

    def open(self) -> tuple[Fitness, Grammar]:
        """Builds fitness and grammar."""
        fitness = Fitness(self.judge, self.table, self.beyond_size, measures_beyond=self.measures_beyond)
        return fitness, proxy_grammar(self.terminals)


class Archipelago:
    """The islands of a run.

    Args:
        workshop: What they share.
        recipe: How each is made.
        generators: The source of randomness of each island.
        known: What earlier epochs found.
        journal: File of the journal, for processes that advance islands.
        seeds: Graphs that are proposed first, dealt out to the islands; what the grammar cannot draw is left out.
        jobs: Processes; the result does not depend on it.

    Attributes:
        fitness: What candidates are judged by.
        grammar: What candidates are drawn from.
    """

    def __init__(
        self,
        workshop: Workshop,
        recipe: Recipe,
        generators: Sequence[np.random.Generator],
        known: Callable[[str], Evaluation | None],
        journal: Path,
        seeds: Sequence[Expression] = (),
        jobs: int = 1,
    ) -> None:
        self._workshop = workshop
        self._recipe = recipe
        self._journal = journal
        self._jobs = min(jobs, len(generators))
        self.fitness, self.grammar = workshop.open()
        drawable = [each for each in seeds if self.grammar.can_draw(each)]
        self._islands = [
            Island(recipe, self.fitness, self.grammar, known, rng, drawable[number :: len(generators)])
            for number, rng in enumerate(generators)
        ]

    def advance(self, stint: Stint) -> list[list[list[Trial]]]:
        """Lets every island go on for some rounds; see `Island.advance`.

        Returns:
            For each island, for each round, what became of every proposal.
        """
        if self._jobs == 1:
            return [island.advance(stint) for island in self._islands]
        tasks = [
            delayed(_advanced)(self._workshop, self._recipe, self._journal, island.state(), stint)
            for island in self._islands
        ]
        trials = []
        for island, (done, state) in zip(self._islands, Parallel(n_jobs=self._jobs)(tasks), strict=True):
            island.restore(state)
            trials.append(done)
        return trials

    def migrate(self) -> None:
        """Sends the best members of each island to the next one; all of them leave before any arrives."""
        if len(self._islands) == 1:
            return
        departing = [fittest(island.strategy.members, MIGRANTS) for island in self._islands]
        for number, island in enumerate(self._islands):
            island.strategy.admit(departing[number - 1])

    def add(self, leaves: Sequence[Expression]) -> None:
        """Adds leaves whose values are now in the table."""
        self._workshop.terminals.extend(leaves)
        for leaf in leaves:
            self.grammar.add_terminal(leaf)

    @property
    def members(self) -> list[Individual]:
        """The members of all islands."""
        return [member for island in self._islands for member in island.strategy.members]

    def state(self) -> list[dict[str, Any]]:
        """What the islands need to go on, as JSON-like data."""
        return [island.state() for island in self._islands]

    def restore(self, states: Sequence[dict[str, Any]]) -> None:
        """Takes up a stored state."""
        for island, state in zip(self._islands, states, strict=True):
            island.restore(state)


def _advanced(
    workshop: Workshop, recipe: Recipe, journal: Path, state: dict[str, Any], stint: Stint
) -> tuple[list[list[Trial]], dict[str, Any]]:
    """Runs in a worker process: takes an island up, advances it, and sends back what it did and where it stands."""
    with single_threaded():
        fitness, grammar = _opened(workshop)
        reader = Reader(journal)
        try:
            island = Island(recipe, fitness, grammar, reader.lookup, np.random.default_rng(0))
            island.restore(state)
            return island.advance(stint), island.state()
        finally:
            reader.close()


@lru_cache(maxsize=1)
def _opened(workshop: Workshop) -> tuple[Fitness, Grammar]:
    """Fitness and grammar of a workshop; those of the last one stay, with what the evaluator keeps."""
    return workshop.open()

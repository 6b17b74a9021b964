"""Shared state of the islands of a run, which advance in this process or in others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from joblib import delayed

from autoprox.base.parallel import explained_loss
from autoprox.base.threads import single_threaded
from autoprox.base.workers import processes
from autoprox.bench.judging import Judge
from autoprox.evolve.evolution_journal import JournalReader
from autoprox.evolve.fitness import Fitness
from autoprox.evolve.grammar import Grammar, proxy_grammar
from autoprox.evolve.island import Island, Lookup, Trial
from autoprox.evolve.plan import EvolutionPlan
from autoprox.evolve.strategies import STRATEGIES
from autoprox.graph import Expression, LeafTable

Advance = Callable[[Island], list[list[Trial]]]


@dataclass(eq=False)
class Workshop:
    """Grammar and judge of candidates, which can be pickled.

    Copies of a workshop are equal if they have the same number of terminals, since terminals are only added.

    Args:
        plan: Plan of the search.
        judge: Judge of the fit split.
        table: Leaf values of its networks.
        terminals: The leaves of candidates, in order.
    """

    plan: EvolutionPlan
    judge: Judge
    table: LeafTable
    terminals: list[Expression]
    _token: str = field(default_factory=lambda: uuid4().hex)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workshop) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __getstate__(self) -> dict[str, Any]:
        """Omits derived state: the evaluator's cache is large, and DEAP's types cannot be pickled."""
        return {name: value for name, value in vars(self).items() if name not in ("fitness", "grammar")}

    @property
    def _key(self) -> tuple[str, int]:
        return self._token, len(self.terminals)

    @cached_property
    def fitness(self) -> Fitness:
        """Judge of candidates."""
        measures = STRATEGIES[self.plan.strategy].measures_beyond
        return Fitness(
            self.judge,
            self.table,
            self.plan.beyond_size,
            measures_beyond=measures,
            early_exit=self.plan.early_exit,
        )

    @cached_property
    def grammar(self) -> Grammar:
        """Grammar of candidates."""
        return proxy_grammar(self.terminals, self.plan.leaf_weights)

    def add(self, leaves: Sequence[Expression]) -> None:
        """Adds leaves with values in the table."""
        for leaf in leaves:
            self.grammar.add_terminal(leaf)
        self.terminals.extend(leaves)

    def island(self, known: Lookup, rng: np.random.Generator, seeds: Sequence[Expression] = ()) -> Island:
        """An island with a separate generator, which looks up earlier evaluations in `known`."""
        strategy, settings = STRATEGIES[self.plan.strategy], self.plan.chosen_settings
        return Island(strategy, settings, self.fitness, self.grammar, known, rng, seeds, self.plan.redraws)


def advanced(
    islands: Sequence[Island], advance: Advance, workshop: Workshop, journal: Path, jobs: int
) -> list[list[list[Trial]]]:
    """Advances every island by some rounds.

    Args:
        islands: The islands.
        advance: `Island.advance` with its arguments.
        workshop: Shared state of the islands.
        journal: File of the journal, in which other processes look up earlier evaluations.
        jobs: Processes; the result does not depend on it.

    Returns:
        Outcomes of all proposals, by island and round.

    Raises:
        WorkerLossError: If a process was killed.
    """
    jobs = min(jobs, len(islands))
    if jobs == 1:
        return [advance(island) for island in islands]
    tasks = [delayed(_elsewhere)(advance, workshop, journal, island.state()) for island in islands]
    trials = []
    with explained_loss():
        for island, (done, state) in zip(islands, processes(jobs)(tasks), strict=True):
            island.restore(state)
            trials.append(done)
    return trials


def _elsewhere(
    advance: Advance, workshop: Workshop, journal: Path, state: dict[str, Any]
) -> tuple[list[list[Trial]], dict[str, Any]]:
    """Runs in a worker process: restores an island, advances it, and returns its outcomes and its state."""
    with single_threaded():
        reader = JournalReader(journal)
        try:
            island = _kept(workshop).island(reader.lookup, np.random.default_rng(0))
            island.restore(state)
            return advance(island), island.state()
        finally:
            reader.close()


@lru_cache(maxsize=1)
def _kept(workshop: Workshop) -> Workshop:
    """The first of equal copies, with its finished grammar and the cache of its evaluator."""
    return workshop

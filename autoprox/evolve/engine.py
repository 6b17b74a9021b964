"""The loop: islands advance by an epoch, their trials are merged in a fixed order and recorded, members migrate.

A run is one sequence of epochs. A budget or a number of seconds only cuts it. So a run that is extended, or resumed
after it was killed, equals an uninterrupted run.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import zip_longest
from typing import Any

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.bench.judging import Judge
from autoprox.evolve._hall import Contender, Hall
from autoprox.evolve._individual import fittest
from autoprox.evolve._workshop import Workshop, advanced
from autoprox.evolve.bank import Bank
from autoprox.evolve.evolution_journal import Epoch, EvolutionJournal, RecordedTrial
from autoprox.evolve.fitness import Status
from autoprox.evolve.island import DUPLICATE, Island, Trial
from autoprox.evolve.plan import EvolutionPlan, Stop
from autoprox.graph import Expression, parse

SEARCH_VERSION = 5
"""Raise it when the course of a search with one seed changes; runs of another version are not resumed."""

EPOCH_ROUNDS = 16
"""Rounds between two meetings of islands."""

MIGRANTS = 2
"""Number of best members that an island sends to the next one at a meeting."""

FIRST_GROWTH = 3_000
"""Valid candidates before the first growth of the bank; it grows again at each doubling. These counts do not depend on
the budget."""

GROWTH = 16
"""New leaves per growth."""

GROWTH_PARENTS = 16
"""Members of the population with leaves that are mutated."""

STALE_EPOCHS = 32
"""Epochs without a new valid candidate after which the search counts as exhausted."""


class Ending(StrEnum):
    """Reason for the end of a run."""

    BUDGET = "budget"
    SECONDS = "seconds"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True)
class EvolutionOutcome:
    """Result of a run.

    Args:
        hall: The fittest candidates, best first, without near-copies.
        evaluated: Total number of distinct valid candidates.
        rejected: Number of other proposals by reason, duplicates included.
        searched: Number of them that this process evaluated.
        seconds: Search time of this process, including growth of the bank.
        ending: Reason for the end.
    """

    hall: tuple[Contender, ...]
    evaluated: int
    rejected: dict[str, int]
    searched: int
    seconds: float
    ending: Ending


class Engine:
    """A run in progress, resumed from its journal.

    Args:
        plan: Plan of the search.
        judge: Judge of the fit split.
        bank: Leaf values; it is grown.
        journal: Journal of evaluations.
        seeds: Graphs that are proposed first, distributed over the islands; graphs outside the grammar are skipped.
        progress: Called after each epoch with the number of valid candidates so far and the highest fitness.
        jobs: Number of processes for the islands; the result does not depend on it.
    """

    def __init__(
        self,
        plan: EvolutionPlan,
        judge: Judge,
        bank: Bank,
        journal: EvolutionJournal,
        seeds: Sequence[Expression],
        progress: Callable[[int, float], None],
        jobs: int = 1,
    ) -> None:
        self._bank = bank
        self._journal = journal
        self._progress = progress
        self._jobs = jobs
        self._workshop = Workshop(plan, judge, bank.fit, bank.usable(bank.leaves))
        growth, *generators = (
            np.random.default_rng(each) for each in np.random.SeedSequence(plan.seed).spawn(plan.islands + 1)
        )
        drawable = [each for each in seeds if self._workshop.grammar.can_draw(each)]
        self._islands = [
            self._workshop.island(journal.lookup, rng, drawable[number :: plan.islands])
            for number, rng in enumerate(generators)
        ]
        self._growth_rng = growth
        self._growth_at = [FIRST_GROWTH * 2**number for number in range(plan.growths)]
        self._hall = Hall(judge.by_block)
        self._evaluated = 0
        self._rejected: Counter[str] = Counter()
        self._epoch = 0
        self._stale = 0
        self._grown: list[str] = []
        self._seconds_before = journal.seconds()
        state = journal.resume()
        if state is not None:
            self._restore(state)

    def run(self, stop: Stop) -> EvolutionOutcome:
        """Searches until the stopping rule holds.

        Raises:
            SpecError: If the run already has as many candidates as the budget allows.
        """
        if stop.budget is not None and self._evaluated >= stop.budget:
            raise SpecError(
                f"This run already has {self._evaluated} candidates, and the total budget is {stop.budget};"
                " give a larger one."
            )
        started, before = time.monotonic(), self._evaluated
        ending = Ending.EXHAUSTED
        while self._stale < STALE_EPOCHS:
            self._advance(stop.budget, started)
            if stop.budget is not None and self._evaluated >= stop.budget:
                ending = Ending.BUDGET
                break
            if stop.seconds is not None and time.monotonic() - started >= stop.seconds:
                ending = Ending.SECONDS
                break
        seconds = time.monotonic() - started
        rejected = dict(sorted(self._rejected.items()))
        return EvolutionOutcome(tuple(self._hall), self._evaluated, rejected, self._evaluated - before, seconds, ending)

    def _advance(self, budget: int | None, started: float) -> None:
        before = self._evaluated
        left = None if budget is None else budget - before
        advance = partial(Island.advance, rounds=EPOCH_ROUNDS, enough=left, bound=self._hall.bound)
        trials = advanced(self._islands, advance, self._workshop, self._journal.path, self._jobs)
        rows = self._merged(trials, budget)
        self._hall.update(_standing(rows))
        # An epoch in which the budget is met may be incomplete, since its later trials are dropped. Such an epoch
        # is not resumed.
        complete = budget is None or self._evaluated < budget
        if complete:
            self._stale = self._stale + 1 if self._evaluated == before else 0
            self._migrate()
            for count in self._growth_at:
                if before < count <= self._evaluated:
                    self._grow()
        best = self._hall[0].value if len(self._hall) else None
        seconds = self._seconds_before + time.monotonic() - started
        epoch = Epoch(self._epoch, self._evaluated, best, seconds)
        self._epoch += 1
        self._journal.commit(epoch, rows, self._state() if complete else None)
        self._progress(self._evaluated, np.nan if best is None else best)

    def _merged(self, islands: Sequence[Sequence[Sequence[Trial]]], budget: int | None) -> list[RecordedTrial]:
        """Counts the trials of all islands, round by round and island by island, up to the budget.

        A graph that two islands tried in the same epoch counts for the first island.
        """
        seen: set[str] = set()
        rows: list[RecordedTrial] = []
        for together in zip_longest(*islands, fillvalue=()):
            for number, trials in enumerate(together):
                for trial in trials:
                    if trial.evaluation is None:
                        self._rejected[trial.outcome] += 1
                    elif trial.digest in seen:
                        self._rejected[DUPLICATE] += 1
                    else:
                        seen.add(trial.digest)
                        rows.append(RecordedTrial(number, trial))
                        if trial.outcome != Status.VALID:
                            self._rejected[trial.outcome] += 1
                            continue
                        self._evaluated += 1
                        if self._evaluated == budget:
                            return rows
        return rows

    def _migrate(self) -> None:
        """Sends the best members of each island to the next one, all at the same time."""
        if len(self._islands) == 1:
            return
        departing = [fittest(island.strategy.members, MIGRANTS) for island in self._islands]
        for number, island in enumerate(self._islands):
            island.strategy.admit(departing[number - 1])

    def _grow(self) -> None:
        members = [member for island in self._islands for member in island.strategy.members]
        best = fittest(members, GROWTH_PARENTS)
        parents = list(dict.fromkeys(leaf for each in best for leaf in each.graph.node_leaves))
        held = len(self._bank.leaves)
        self._workshop.add(self._bank.grow(parents, GROWTH, self._growth_rng))
        self._grown += [str(each) for each in self._bank.leaves[held:]]

    def _state(self) -> dict[str, Any]:
        return {
            "epoch": self._epoch,
            "evaluated": self._evaluated,
            "rejected": dict(self._rejected),
            "stale": self._stale,
            "growth_rng": self._growth_rng.bit_generator.state,
            "grown": self._grown,
            "islands": [island.state() for island in self._islands],
            "hall": self._hall.to_document(),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self._epoch, self._evaluated, self._stale = state["epoch"], state["evaluated"], state["stale"]
        self._rejected = Counter(state["rejected"])
        self._growth_rng.bit_generator.state = state["growth_rng"]
        self._grown = state["grown"]
        self._workshop.add(self._bank.extend([parse(text) for text in self._grown]))
        for island, stored in zip(self._islands, state["islands"], strict=True):
            island.restore(stored)
        self._hall.restore(state["hall"], self._workshop.fitness.scores)


def _standing(rows: Sequence[RecordedTrial]) -> list[Contender]:
    """Trials that are eligible for the hall of fame."""
    return [
        Contender(trial.text, trial.size, trial.evaluation, trial.scores)
        for _, trial in rows
        if trial.evaluation is not None and trial.scores is not None
    ]

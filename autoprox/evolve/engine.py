"""The loop: ask for proposals, evaluate those that are new, tell what they were worth, grow the bank."""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from deap import gp, tools

from autoprox.errors import KindError, SpecError
from autoprox.evolve.elitism import ElitismPreserve, Settings
from autoprox.evolve.fitness import Evaluation, Fitness, Status
from autoprox.evolve.grammar import Grammar
from autoprox.evolve.individual import Individual, Proposal, ranks_alike
from autoprox.evolve.variation import generate, mutate
from autoprox.graph import Expression

MAX_HEIGHT = 6
"""Bound on the height of a proxy above its leaves."""

HALL_SIZE = 64
"""Members of the hall of fame: what the select split may choose from."""

GROWTH_AT = (1_000, 3_000, 7_000, 15_000)
"""After so many valid candidates the bank is grown. Fixed counts, whatever the budget."""

GROWTH = 16
"""New leaves a growth."""

GROWTH_PARENTS = 16
"""Members of the population whose leaves the new ones are mutants of."""

_VARIATIONS = 8
"""Draws for a proposal that was not evaluated before; the last one is taken as it is."""

_STALE_ROUNDS = 500
"""Rounds without a single new valid candidate after which nothing is left to find."""


class Ending(StrEnum):
    """Why a run ended."""

    BUDGET = "budget"
    SECONDS = "seconds"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True)
class Stop:
    """When to end: after so many valid distinct candidates, or after so many seconds.

    Raises:
        SpecError: If a bound is not positive, or neither is given.
    """

    budget: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.budget is None and self.seconds is None:
            raise SpecError("Give a budget (number of candidates) or a number of seconds.")
        if self.budget is not None and self.budget < 1:
            raise SpecError(f"The budget is {self.budget}; it must be at least 1 candidate.")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise SpecError(f"The number of seconds is {self.seconds}; it must be above 0 and finite.")


@dataclass
class Outcome:
    """What a run found.

    Args:
        hall: The best candidates on fit, best first, none ranking like another.
        evaluated: Number of distinct valid candidates.
        rejected: Number of proposals by reason, duplicates included.
        seconds: Duration of the search, growth of the bank included.
        logbook: One record a round.
        ending: Why it ended.
    """

    hall: list[Individual]
    evaluated: int
    rejected: dict[str, int]
    seconds: float
    logbook: tools.Logbook
    ending: Ending


@dataclass
class Engine:
    """A run in progress.

    Args:
        fitness: Judges candidates.
        grammar: What candidates are drawn from.
        rng: The only source of randomness.
        settings: Settings of the search.
        grow: Called with the leaves of good members and the wanted number of new ones; returns those whose values are
            now at hand.
        progress: Called after each round with the number of valid candidates so far and the best joint correlation.
    """

    fitness: Fitness
    grammar: Grammar
    rng: np.random.Generator
    settings: Settings
    grow: Callable[[Sequence[Expression], int], Sequence[Expression]]
    progress: Callable[[int, float], None]
    _known: dict[str, Evaluation] = field(default_factory=dict)
    _rejected: Counter[str] = field(default_factory=Counter)
    _evaluated: int = 0

    def run(self, stop: Stop) -> Outcome:
        """Searches until the stop."""
        strategy = ElitismPreserve(self.settings, self._fresh, self._vary)
        hall = tools.HallOfFame(HALL_SIZE, similar=ranks_alike)
        logbook = tools.Logbook()
        started = time.monotonic()
        stale = 0
        ending = Ending.EXHAUSTED
        while stale < _STALE_ROUNDS:
            before = self._evaluated
            left = None if stop.budget is None else stop.budget - self._evaluated
            answers = self._answers(strategy.ask(self.rng), left)
            strategy.tell(answers)
            hall.update([each for each in answers if each is not None])
            logbook.record(evaluated=self._evaluated, best=hall[0].joint if len(hall) else None)
            self.progress(self._evaluated, hall[0].joint if len(hall) else np.nan)
            stale = stale + 1 if self._evaluated == before else 0
            if stop.budget is not None and self._evaluated >= stop.budget:
                ending = Ending.BUDGET
                break
            if stop.seconds is not None and time.monotonic() - started >= stop.seconds:
                ending = Ending.SECONDS
                break
            if any(before < count <= self._evaluated for count in GROWTH_AT):
                self._grow(strategy.population)
        seconds = time.monotonic() - started
        return Outcome(list(hall), self._evaluated, dict(sorted(self._rejected.items())), seconds, logbook, ending)

    def _fresh(self) -> Proposal:
        root = self.grammar.pset.ret
        height = int(self.rng.integers(1, MAX_HEIGHT + 1))
        return self._proposal(gp.PrimitiveTree(generate(self.grammar, root, height, self.rng)))

    def _vary(self, tree: gp.PrimitiveTree) -> Proposal:
        for _ in range(_VARIATIONS):
            child = self._proposal(mutate(self.grammar, tree, MAX_HEIGHT, self.rng))
            if child.graph is not None and child.graph.digest not in self._known:
                break
        return child

    def _proposal(self, tree: gp.PrimitiveTree) -> Proposal:
        try:
            return Proposal(tree, self.grammar.expression(tree))
        except KindError:
            return Proposal(tree, None)

    def _answers(self, proposals: Sequence[Proposal], left: int | None) -> list[Individual | None]:
        """Evaluates proposals; of the new valid ones only as many count as are left of the budget."""
        graphs = [each.graph for each in proposals if each.graph is not None]
        new = {graph.digest: graph for graph in graphs if graph.digest not in self._known}
        evaluations = dict(zip(new, self.fitness.evaluate(list(new.values())), strict=True))
        answers: list[Individual | None] = []
        for tree, graph in proposals:
            answer = None
            if graph is None:
                self._rejected["kinds"] += 1
            elif graph.digest in self._known:
                self._rejected["duplicate"] += 1
                answer = self._individual(tree, graph, self._known[graph.digest])
            elif left is None or left > 0:
                evaluation = self._known[graph.digest] = evaluations[graph.digest]
                if evaluation.status is Status.VALID:
                    self._evaluated += 1
                    left = None if left is None else left - 1
                else:
                    self._rejected[evaluation.status] += 1
                answer = self._individual(tree, graph, evaluation)
            answers.append(answer)
        return answers

    def _individual(self, tree: gp.PrimitiveTree, graph: Expression, evaluation: Evaluation) -> Individual | None:
        return Individual(tree, graph, evaluation) if evaluation.status is Status.VALID else None

    def _grow(self, population: Sequence[Individual]) -> None:
        best = sorted(population, key=lambda each: each.fitness, reverse=True)[:GROWTH_PARENTS]
        parents = list(dict.fromkeys(leaf for each in best for leaf in each.graph.node_leaves))
        for leaf in self.grow(parents, GROWTH):
            self.grammar.add_terminal(leaf)

"""An island: one strategy with a separate generator, independent of other islands between two meetings."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.evolve._hall import rank
from autoprox.evolve._individual import Individual, Origin, Proposal
from autoprox.evolve.breeding import REDRAWS, Breeder
from autoprox.evolve.fitness import Evaluation, Fitness, Status
from autoprox.evolve.grammar import Grammar
from autoprox.evolve.strategies import AbstractSettings, AbstractStrategy
from autoprox.graph import Expression, parse

KINDS, DUPLICATE = "kinds", "duplicate"
"""Reasons not to evaluate a proposal: its roles do not match, or it was evaluated before."""

Lookup = Callable[[str], Evaluation | None]
"""Evaluation of the graph with a digest; None if unknown."""

Rank = tuple[float, int] | None
"""Rank of a candidate for the hall of fame (`rank`); None below all."""


class Trial(NamedTuple):
    """Outcome of one proposal.

    Args:
        outcome: A `Status`, or the reason why it was not evaluated.
        text: The graph; empty if it was not evaluated, like the following fields.
        digest: Its digest.
        size: Its size.
        origin: Its origin.
        parents: Digests of its parents' graphs.
        evaluation: Its evaluation.
        scores: Its scores on the networks of fit, if it is eligible for the hall of fame.
    """

    outcome: str
    text: str = ""
    digest: str = ""
    size: int = 0
    origin: Origin = Origin.FRESH
    parents: tuple[str, ...] = ()
    evaluation: Evaluation | None = None
    scores: Floats | None = None


class Island:
    """A strategy in progress.

    Args:
        strategy: Its strategy.
        settings: Settings of the strategy.
        fitness: Judge of candidates.
        grammar: Grammar of candidates.
        known: Evaluations of earlier rounds of all islands.
        rng: Its separate source of randomness.
        seeds: Graphs that are proposed first.
        redraws: Draws for a proposal that was not evaluated before.
    """

    def __init__(
        self,
        strategy: type[AbstractStrategy],
        settings: AbstractSettings,
        fitness: Fitness,
        grammar: Grammar,
        known: Lookup,
        rng: np.random.Generator,
        seeds: Sequence[Expression] = (),
        redraws: int = REDRAWS,
    ) -> None:
        self._fitness = fitness
        self._earlier = known
        self._new: dict[str, Evaluation] = {}
        self._breeder = Breeder(grammar, lambda digest: self._known(digest) is not None, rng, seeds, redraws)
        self.strategy = strategy(settings, self._breeder)

    def advance(self, rounds: int, enough: int | None = None, bound: Rank = None) -> list[list[Trial]]:
        """Advances by some rounds.

        Args:
            rounds: Largest number of rounds.
            enough: Number of valid candidates of this island at which it ends early.
            bound: Rank at which a candidate is eligible for the hall of fame, so that its scores are kept.

        Returns:
            Outcomes of all proposals, by round.
        """
        self._new = {}
        done: list[list[Trial]] = []
        found = 0
        while len(done) < rounds and (enough is None or found < enough):
            trials = self._round(bound)
            found += sum(each.outcome == Status.VALID for each in trials)
            done.append(trials)
        return done

    def _round(self, bound: Rank) -> list[Trial]:
        proposals = self.strategy.ask()
        graphs = {each.graph.digest: each.graph for each in proposals if each.graph is not None}
        found = {digest: self._known(digest) for digest in graphs}
        new = [graph for digest, graph in graphs.items() if found[digest] is None]
        untold: dict[str, Floats | None] = {}
        for graph, (evaluation, scores) in zip(new, self._fitness.evaluate(new), strict=True):
            found[graph.digest] = self._new[graph.digest] = evaluation
            stands = evaluation.status is Status.VALID and (bound is None or rank(evaluation, graph.size) > bound)
            untold[graph.digest] = scores if stands else None
        trials = [_trial(each, found, untold) for each in proposals]
        self.strategy.tell([_individual(each, found) for each in proposals])
        return trials

    def _known(self, digest: str) -> Evaluation | None:
        found = self._new.get(digest)
        return self._earlier(digest) if found is None else found

    def state(self) -> dict[str, Any]:
        """State to resume the island from, as JSON-compatible data."""
        return {
            "rng": self._breeder.rng.bit_generator.state,
            "seeds": [str(each) for each in self._breeder.seeds],
            "strategy": self.strategy.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restores a stored state."""
        self._breeder.rng.bit_generator.state = state["rng"]
        self._breeder.seeds = [parse(text) for text in state["seeds"]]
        self.strategy.restore(state["strategy"])


def _trial(proposal: Proposal, found: Mapping[str, Evaluation | None], untold: dict[str, Floats | None]) -> Trial:
    """Outcome of a proposal; the first of equal ones removes the graph from `untold` and counts as evaluated."""
    graph = proposal.graph
    if graph is None:
        return Trial(KINDS)
    if graph.digest not in untold:
        return Trial(DUPLICATE)
    scores = untold.pop(graph.digest)
    evaluation = found[graph.digest]
    assert evaluation is not None
    origin, parents = proposal.origin, proposal.parents
    return Trial(evaluation.status.value, str(graph), graph.digest, graph.size, origin, parents, evaluation, scores)


def _individual(proposal: Proposal, found: Mapping[str, Evaluation | None]) -> Individual | None:
    """The candidate of a valid proposal; None if it is invalid."""
    if proposal.graph is None:
        return None
    evaluation = found[proposal.graph.digest]
    if evaluation is None or evaluation.status is not Status.VALID:
        return None
    return Individual(proposal.tree, proposal.graph, evaluation)

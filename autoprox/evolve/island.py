"""An island: one strategy with its own source of randomness. Between two meetings it knows nothing of the others."""

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
"""Why a proposal is not evaluated: its roles do not fit together, or it was evaluated before."""

Lookup = Callable[[str], Evaluation | None]
"""What is known of the graph with this digest."""

Rank = tuple[float, int] | None
"""A rank as candidates of the hall of fame have it (`rank`), or that of no one."""


class Trial(NamedTuple):
    """Outcome of one proposal.

    Args:
        outcome: A `Status`, or why it was not evaluated.
        text: The graph; empty if it was not evaluated, as are the following.
        digest: Its digest.
        size: Its size.
        origin: How it came about.
        parents: Digests of what it was made from.
        evaluation: What it was worth.
        scores: Its scores on the networks of fit, if it may stand for the hall of fame.
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
    """A strategy at work.

    Args:
        strategy: Its strategy.
        settings: Settings of the strategy.
        fitness: Judges candidates.
        grammar: What candidates are drawn from.
        known: What earlier rounds of all islands found.
        rng: Its own source of randomness.
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
        """Goes on for some rounds.

        Args:
            rounds: Rounds at most.
            enough: It ends early when it has found so many valid candidates itself.
            bound: Rank from which on a candidate may stand for the hall of fame, so that its scores are wanted.

        Returns:
            For each round, what became of every proposal.
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
        """State from which the island continues, as JSON-like data."""
        return {
            "rng": self._breeder.rng.bit_generator.state,
            "seeds": [str(each) for each in self._breeder.seeds],
            "strategy": self.strategy.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up a stored state."""
        self._breeder.rng.bit_generator.state = state["rng"]
        self._breeder.seeds = [parse(text) for text in state["seeds"]]
        self.strategy.restore(state["strategy"])


def _trial(proposal: Proposal, found: Mapping[str, Evaluation | None], untold: dict[str, Floats | None]) -> Trial:
    """Outcome of a proposal; of equal ones the first takes the graph out of `untold` and is the one evaluated."""
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
    """The candidate that a proposal is, if it is valid."""
    if proposal.graph is None:
        return None
    evaluation = found[proposal.graph.digest]
    if evaluation is None or evaluation.status is not Status.VALID:
        return None
    return Individual(proposal.tree, proposal.graph, evaluation)

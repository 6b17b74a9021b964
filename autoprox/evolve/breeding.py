"""Sources of proposals: seeds, random draws, mutation and crossover."""

from collections.abc import Callable, Sequence

import numpy as np
from deap import gp

from autoprox.base.errors import KindError
from autoprox.evolve._individual import Individual, Origin, Proposal
from autoprox.evolve.grammar import Grammar, Item
from autoprox.evolve.variation import cross, generate, mutate
from autoprox.graph import Expression

MAX_HEIGHT = 6
"""Largest height of a proxy above its leaves."""

REDRAWS = 8
"""Draws for a proposal that was not evaluated before; the last one is accepted anyway."""


class Breeder:
    """Makes proposals, and avoids known graphs.

    Args:
        grammar: Grammar of proposals.
        known: True if a graph with this digest was evaluated before.
        rng: The only source of randomness, also of strategies.
        seeds: Graphs that are proposed before any is drawn.
        redraws: Draws for a proposal that was not evaluated before.
    """

    def __init__(
        self,
        grammar: Grammar,
        known: Callable[[str], bool],
        rng: np.random.Generator,
        seeds: Sequence[Expression] = (),
        redraws: int = REDRAWS,
    ) -> None:
        self.grammar = grammar
        self.rng = rng
        self.seeds = list(seeds)
        self._known = known
        self._redraws = redraws

    def fresh(self) -> Proposal:
        """The next seed, or a random tree."""
        if self.seeds:
            graph = self.seeds.pop(0)
            return Proposal(self.grammar.tree(graph), graph, Origin.ZOO)
        return self._new(self._drawn, Origin.FRESH)

    def mutant(self, parent: Individual) -> Proposal:
        """A mutant of a candidate."""
        return self._new(lambda: mutate(self.grammar, parent, MAX_HEIGHT, self.rng), Origin.MUTANT, parent)

    def crossing(self, mother: Individual, father: Individual) -> Proposal:
        """A candidate with a subtree of another candidate."""
        return self._new(
            lambda: cross(self.grammar, mother, father, MAX_HEIGHT, self.rng), Origin.CROSSING, mother, father
        )

    def _drawn(self) -> list[Item]:
        height = int(self.rng.integers(1, MAX_HEIGHT + 1))
        return generate(self.grammar, self.grammar.pset.ret, height, self.rng)

    def _new(self, draw: Callable[[], Sequence[Item]], origin: Origin, *parents: Individual) -> Proposal:
        for _ in range(self._redraws):
            tree = gp.PrimitiveTree(draw())
            graph = self._graph(tree)
            if graph is not None and not self._known(graph.digest):
                break
        return Proposal(tree, graph, origin, tuple(each.graph.digest for each in parents))

    def _graph(self, tree: gp.PrimitiveTree) -> Expression | None:
        try:
            return self.grammar.expression(tree)
        except KindError:
            return None

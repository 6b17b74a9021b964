"""A candidate: a DEAP tree with its graph and what it was worth."""

from collections.abc import Iterable
from typing import NamedTuple

from deap import base, gp

from autoprox.evolve.fitness import Evaluation
from autoprox.evolve.grammar import Item
from autoprox.graph import Expression


class Proposal(NamedTuple):
    """A tree that is to be evaluated, with its graph; None if its roles do not fit together."""

    tree: gp.PrimitiveTree
    graph: Expression | None


class JointFitness(base.Fitness):  # type: ignore[misc]
    """Joint correlation, as high as possible; among equals, the size of the graph, as small as possible."""

    weights = (1.0, -1.0)


class Individual(gp.PrimitiveTree):  # type: ignore[misc]
    """A valid candidate.

    Args:
        items: The tree in prefix order.
        graph: The graph that the tree stands for.
        evaluation: What it is worth on the fit split.
    """

    def __init__(self, items: Iterable[Item], graph: Expression, evaluation: Evaluation) -> None:
        super().__init__(items)
        self.graph = graph
        self.evaluation = evaluation
        self.fitness = JointFitness((evaluation.joint, float(graph.size)))

    def __deepcopy__(self, memo: dict[int, object]) -> "Individual":
        # A candidate never changes, so DEAP's hall of fame may share it instead of copying.
        return self

    @property
    def joint(self) -> float:
        """Joint correlation on the fit split, sign included."""
        return self.evaluation.joint


def ranks_alike(first: Individual, second: Individual) -> bool:
    """Whether two candidates correlate identically with every block: most likely one ranking written in two ways."""
    return first.evaluation.taus == second.evaluation.taus

"""A candidate: a DEAP tree with its graph, origin and evaluation."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from deap import base, gp

from autoprox.evolve.fitness import Evaluation
from autoprox.evolve.grammar import Grammar, Item
from autoprox.graph import Expression, parse


class Origin(StrEnum):
    """Origin of a candidate."""

    FRESH = "fresh"
    MUTANT = "mutant"
    CROSSING = "crossing"
    ZOO = "zoo"


class Proposal(NamedTuple):
    """A tree to evaluate.

    Args:
        tree: Tree in prefix order.
        graph: Graph of the tree; None if its roles do not match.
        origin: Its origin.
        parents: Digests of its parents' graphs.
    """

    tree: gp.PrimitiveTree
    graph: Expression | None
    origin: Origin = Origin.FRESH
    parents: tuple[str, ...] = ()


class ScalarFitness(base.Fitness):  # type: ignore[misc]
    """Maximises the fitness and, among equals, minimises the size of the graph."""

    weights = (1.0, -1.0)


class Individual(gp.PrimitiveTree):  # type: ignore[misc]
    """A valid candidate.

    Args:
        items: The tree in prefix order.
        graph: Graph of the tree.
        evaluation: Evaluation on the fit split.
    """

    def __init__(self, items: Iterable[Item], graph: Expression, evaluation: Evaluation) -> None:
        super().__init__(items)
        self.graph = graph
        self.evaluation = evaluation
        self.fitness = ScalarFitness((evaluation.value, float(graph.size)))

    def __deepcopy__(self, memo: dict[int, object]) -> "Individual":
        # A candidate never changes, so DEAP may share it instead of copying.
        return self

    @property
    def value(self) -> float:
        """Fitness on the fit split."""
        return self.evaluation.value

    def to_document(self) -> list[Any]:
        """The candidate as JSON-compatible data, from which `from_document` restores it exactly."""
        return [str(self.graph), self.evaluation.to_document()]

    @classmethod
    def from_document(cls, document: list[Any], grammar: Grammar) -> "Individual":
        """Restores a candidate from `to_document`.

        Args:
            document: The data.
            grammar: A grammar of the candidate.
        """
        text, evaluation = document
        graph = parse(text)
        return cls(grammar.tree(graph), graph, Evaluation.from_document(evaluation))


def fittest(members: Iterable[Individual], number: int) -> list[Individual]:
    """The best members, best first; ties are broken by the smaller graph, then by order."""
    return sorted(members, key=lambda each: each.fitness, reverse=True)[:number]

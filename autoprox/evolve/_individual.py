"""A candidate: a DEAP tree with its graph, where it came from, and what it was worth."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from deap import base, gp

from autoprox.evolve.fitness import Evaluation
from autoprox.evolve.grammar import Grammar, Item
from autoprox.graph import Expression, parse


class Origin(StrEnum):
    """How a candidate came about."""

    FRESH = "fresh"
    MUTANT = "mutant"
    CROSSING = "crossing"
    ZOO = "zoo"


class Proposal(NamedTuple):
    """A tree that is to be evaluated.

    Args:
        tree: In prefix order.
        graph: What the tree stands for; None if its roles do not fit together.
        origin: How it came about.
        parents: Digests of the graphs that it was made from.
    """

    tree: gp.PrimitiveTree
    graph: Expression | None
    origin: Origin = Origin.FRESH
    parents: tuple[str, ...] = ()


class ScalarFitness(base.Fitness):  # type: ignore[misc]
    """The fitness, as high as possible; among equals, the size of the graph, as small as possible."""

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
        self.fitness = ScalarFitness((evaluation.value, float(graph.size)))

    def __deepcopy__(self, memo: dict[int, object]) -> "Individual":
        # A candidate never changes, so DEAP may share it instead of copying.
        return self

    @property
    def value(self) -> float:
        """Fitness on the fit split."""
        return self.evaluation.value

    def to_document(self) -> list[Any]:
        """The candidate as JSON-like data, from which `from_document` makes it again, to the last bit."""
        return [str(self.graph), self.evaluation.to_document()]

    @classmethod
    def from_document(cls, document: list[Any], grammar: Grammar) -> "Individual":
        """Reads what `to_document` made.

        Args:
            document: The data.
            grammar: A grammar that the candidate can be drawn from.
        """
        text, evaluation = document
        graph = parse(text)
        return cls(grammar.tree(graph), graph, Evaluation.from_document(evaluation))


def fittest(members: Iterable[Individual], number: int) -> list[Individual]:
    """The best members, best first; of equally fit ones the smaller graph, then the one that came first."""
    return sorted(members, key=lambda each: each.fitness, reverse=True)[:number]

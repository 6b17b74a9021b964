"""Search written with DEAP alone: compile each tree, call it once per architecture, ask SciPy for tau.

Each leaf is an argument of the compiled function: one NumPy array of the nodes of one architecture. Primitives are
plain NumPy on that array. Selectors of roles are skipped, because an array has no roles.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from deap import gp
from scipy import stats

from autoprox.graph import PRIMITIVES, Expression, Form, Level, Primitive, is_node_leaf
from autoprox.graph.operations import FLOAT64_EPS

NODE_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "zscore": lambda x: (x - x.mean()) / (x.std() + FLOAT64_EPS),
    "minmax": lambda x: (x - x.min()) / (x.max() - x.min() + FLOAT64_EPS),
    "share": lambda x: x / (np.abs(x).sum() + FLOAT64_EPS),
    "rank": lambda x: stats.rankdata(x) / len(x),
    "deep": lambda x: x * np.arange(1, len(x) + 1) / len(x),
    "shallow": lambda x: x * (1 - np.arange(1, len(x) + 1) / len(x)),
    "sine": lambda x: x * (np.sin(0.1 * np.arange(len(x))) + 1) / 2,
    "nodes_sum": np.sum,
    "nodes_mean": np.mean,
    "nodes_max": np.max,
    "nodes_min": np.min,
    "nodes_std": np.std,
    "nodes_logsum": lambda x: np.log(np.abs(x) + FLOAT64_EPS).sum(),
    "nodes_norm": lambda x: np.sqrt(np.square(x).sum()),
    "nodes_first": lambda x: x[0],
    "nodes_last": lambda x: x[-1],
}


class DeapLoop:
    """Scores graphs architecture by architecture.

    Args:
        leaves: Leaves of the graphs.
        rows: For each architecture, the values of all leaves, one array of nodes each.
    """

    def __init__(self, leaves: Sequence[Expression], rows: Sequence[Sequence[np.ndarray]]) -> None:
        self._rows = rows
        self._arguments = {leaf.digest: f"ARG{index}" for index, leaf in enumerate(leaves)}
        self._pset = gp.PrimitiveSet("proxy", len(leaves))
        for level in (Level.NODE, Level.SCALAR):
            for primitive in PRIMITIVES[level].values():
                if primitive.form is not Form.SELECT:
                    self._pset.addPrimitive(_plain(primitive), primitive.arity, f"{level}_{primitive.name}")

    def tree(self, graph: Expression) -> gp.PrimitiveTree:
        """The graph as a tree of DEAP."""
        return gp.PrimitiveTree(self._items(graph))

    def _items(self, graph: Expression) -> list[Any]:
        if is_node_leaf(graph):
            return [self._pset.mapping[self._arguments[graph.digest]]]
        root = self._pset.mapping[f"{graph.operation.level}_{graph.operation.name}"]
        return [root, *(item for each in graph.arguments for item in self._items(each))]

    def scores(self, tree: gp.PrimitiveTree) -> list[float]:
        """Scores of all architectures."""
        function = gp.compile(tree, self._pset)
        return [float(function(*row)) for row in self._rows]

    def taus(self, tree: gp.PrimitiveTree, columns: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> list[float]:
        """Rank correlation with each block, given the columns of its architectures in the scores."""
        scores = np.array(self.scores(tree))
        pairs = zip(columns, labels, strict=True)
        return [float(stats.kendalltau(scores[index], label).statistic) for index, label in pairs]


def _plain(primitive: Primitive) -> Callable[..., Any]:
    if primitive.segmental:
        return NODE_FUNCTIONS[primitive.name]
    return lambda *arguments: primitive.function(*arguments, np, FLOAT64_EPS)

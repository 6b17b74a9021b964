"""NODE to SCALAR: array arithmetic over all architectures at once; each sub-expression is computed once."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.base.errors import KindError
from autoprox.graph._expression import Expression, is_node_leaf
from autoprox.graph._kinds import ALL_ROLES, Level
from autoprox.graph._literal import Literal
from autoprox.graph._primitives import Form, Primitive
from autoprox.graph._segments import SiteNodes
from autoprox.graph.collect import Leaves
from autoprox.graph.operations import FLOAT64_EPS
from autoprox.inspect.nodes import Site

DEFAULT_MEMORY_BYTES = 512 * 2**20


class LeafTable:
    """Leaf values of `A` networks as flat arrays by site.

    Args:
        leaves: One entry per network.

    Example:
        >>> from autoprox.inspect.nodes import Role
        >>> one = Leaves({Site.LINEAR: (Role.MLP, Role.HEAD)}, {"x": np.array([1.0, 2.0])})
        >>> LeafTable([one, one]).leaf("x")
        array([1., 2., 1., 2.])
    """

    def __init__(self, leaves: Sequence[Leaves]) -> None:
        self.network_count = len(leaves)
        sites = {site for each in leaves for site in each.roles}
        self.site_nodes = {
            site: SiteNodes([each.roles.get(site, ()) for each in leaves]) for site in Site if site in sites
        }
        self._values: dict[str, Floats] = {}
        self.extend(leaves)

    def extend(self, leaves: Sequence[Leaves]) -> None:
        """Adds more expressions for the same networks in the same order."""
        if len(leaves) != self.network_count:
            raise ValueError(f"Expected leaves of {self.network_count} networks, got {len(leaves)}.")
        for key in leaves[0].values if leaves else ():
            if key not in self._values:
                self._values[key] = np.concatenate([each.values[key] for each in leaves])

    def jittered(self, size: float, rng: np.random.Generator) -> "LeafTable":
        """Returns the table with every value perturbed by a random relative amount of this size.

        Scores that change much more than that are dominated by rounding.
        """
        copy = LeafTable([])
        copy.network_count, copy.site_nodes = self.network_count, self.site_nodes
        copy._values = {key: each * (1 + size * rng.standard_normal(each.shape)) for key, each in self._values.items()}
        return copy

    def __contains__(self, digest: str) -> bool:
        return digest in self._values

    def leaf(self, digest: str) -> Floats:
        """Returns the values of one leaf expression for all nodes of its site, shape `(N,)`."""
        return self._values[digest]


class Evaluator:
    """Evaluates graphs over a table of leaf values.

    Intermediate values are cached up to a memory limit, and the least recently used are discarded first: in an
    evolution, children share most of their parts with their parents.

    Args:
        leaves: Leaf values of `A` networks.
        memory_bytes: Memory limit of the cache.
    """

    def __init__(self, leaves: LeafTable, memory_bytes: int = DEFAULT_MEMORY_BYTES) -> None:
        self._leaves = leaves
        self._kept: OrderedDict[str, Floats] = OrderedDict()
        self._free_bytes = memory_bytes

    def scores(self, graphs: Sequence[Expression]) -> Floats:
        """Evaluates SCALAR graphs.

        Args:
            graphs: `P` graphs.

        Returns:
            Shape `(P, A)`; NaN or an infinity where a graph has no finite value on a network.

        Raises:
            KindError: If a graph is not SCALAR.
        """
        result = np.empty((len(graphs), self._leaves.network_count))
        with np.errstate(all="ignore"):
            for row, graph in zip(result, graphs, strict=True):
                if graph.kind.level is not Level.SCALAR:
                    raise KindError(f"A score must be SCALAR; '{graph}' is {graph.kind}. Apply an aggregator to it.")
                row[:] = self._value(graph)
        return result

    def _value(self, expression: Expression) -> Floats:
        key = expression.digest
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if is_node_leaf(expression):
            return self._leaves.leaf(key)
        value = self._computed(expression)
        self._keep(key, value)
        return value

    def _computed(self, expression: Expression) -> Floats:
        primitive = expression.operation
        if isinstance(primitive, Literal):
            return np.full(self._leaves.network_count, primitive.value)
        assert isinstance(primitive, Primitive)
        values = [self._value(each) for each in expression.arguments]
        if primitive.level is Level.SCALAR:
            return np.asarray(primitive.function(*values, np, FLOAT64_EPS))
        kinds = [each.kind for each in expression.arguments]
        site = kinds[0].site
        assert site is not None
        nodes = self._leaves.site_nodes[site]
        kept = kinds[0].roles if primitive.form is Form.AGGREGATE else expression.kind.roles
        values = [nodes.restrict(value, kind.roles, kept) for value, kind in zip(values, kinds, strict=True)]
        if primitive.segmental:
            segments = nodes.whole if kept == ALL_ROLES else nodes.segments(kept)
            return np.asarray(primitive.function(*values, segments, np, FLOAT64_EPS))
        return np.asarray(primitive.function(*values, np, FLOAT64_EPS))

    def _keep(self, key: str, value: Floats) -> None:
        self._kept[key] = value
        self._free_bytes -= value.nbytes
        while self._free_bytes < 0 and self._kept:
            _, dropped = self._kept.popitem(last=False)
            self._free_bytes += dropped.nbytes

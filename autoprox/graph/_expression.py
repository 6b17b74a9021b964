"""Proxy graphs: immutable, type-checked when built, identified by a digest."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import networkx as nx

from autoprox.base.digest import text_digest
from autoprox.base.errors import KindError
from autoprox.graph._kinds import Kind, Level
from autoprox.graph._literal import Literal
from autoprox.graph._primitives import Complexity, Form, Primitive
from autoprox.inspect.nodes import Site
from autoprox.statistics import Statistic, StatisticKind

Operation = Statistic | Literal | Primitive


class Expression:
    """A statistic, a constant, or a primitive applied to expressions.

    Two expressions are equal if they describe the same computation; the order of arguments of a commutative primitive
    is ignored. Equal expressions have bit-identical values.

    Args:
        operation: The statistic, the constant or the primitive.
        arguments: Arguments of the primitive; empty for a statistic and a constant.

    Raises:
        KindError: If the kinds of the arguments do not fit the primitive.

    Attributes:
        kind: Level, site and shape of its value.
        digest: Its identity.
        size: Number of statistics, constants and primitives in its text.

    Example:
        >>> from autoprox.graph import parse
        >>> snip = parse("nodes_sum(l1(mul(weight, weight_grad)))")
        >>> str(snip.kind), snip.size
        ('SCALAR', 5)
        >>> snip == parse("nodes_sum(l1(mul(weight_grad, weight)))")
        True
    """

    __slots__ = ("__dict__", "arguments", "digest", "kind", "operation", "size")

    def __init__(self, operation: Operation, arguments: Iterable["Expression"] = ()) -> None:
        self.operation = operation
        self.arguments = tuple(arguments)
        self.kind = _kind(operation, self.arguments)
        self.digest = _digest(operation, self.arguments)
        self.size: int = 1 + sum(each.size for each in self.arguments)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Any, ...]:
        return Expression, (self.operation, self.arguments)

    def __str__(self) -> str:
        if not self.arguments:
            return self.operation.name
        return f"{self.operation.name}({', '.join(str(each) for each in self.arguments)})"

    def __repr__(self) -> str:
        return f"parse({str(self)!r})"

    def walk(self) -> Iterator["Expression"]:
        """Yields every distinct sub-expression once, arguments before their uses, and this one last."""
        seen: set[str] = set()
        stack: list[tuple[Expression, bool]] = [(self, False)]
        while stack:
            expression, ready = stack.pop()
            if expression.digest in seen:
                continue
            if ready:
                seen.add(expression.digest)
                yield expression
            else:
                stack.append((expression, True))
                stack.extend((each, False) for each in reversed(expression.arguments))

    @cached_property
    def complexity(self) -> Complexity:
        """The complexity of its most expensive primitive; LINEAR without primitives.

        Example:
            >>> from autoprox.graph import parse
            >>> parse("nodes_sum(nuclear(weight))").complexity.name, parse("nodes_sum(l1(weight))").complexity.name
            ('SPECTRAL', 'LINEAR')
        """
        return max(
            (each.operation.complexity for each in self.walk() if isinstance(each.operation, Primitive)),
            default=Complexity.LINEAR,
        )

    @cached_property
    def statistics(self) -> tuple[str, ...]:
        """Names of the statistics that it needs, sorted."""
        return tuple(sorted({each.operation.name for each in self.walk() if isinstance(each.operation, Statistic)}))

    @cached_property
    def needs_teacher(self) -> bool:
        """True if it compares networks with a teacher.

        Example:
            >>> from autoprox.graph import parse
            >>> parse("nodes_sum(l1(weight))").needs_teacher, parse("nodes_sum(l1(teacher_attention))").needs_teacher
            (False, True)
        """
        return any(isinstance(each.operation, Statistic) and each.operation.paired is not None for each in self.walk())

    @cached_property
    def node_leaves(self) -> tuple["Expression", ...]:
        """The distinct NODE expressions that read networks: reductions of tensors, and counts.

        Everything above them is arithmetic on arrays.
        """
        return tuple(each for each in self.walk() if is_node_leaf(each))

    @cached_property
    def selected_sites(self) -> frozenset[Site]:
        """The sites where it selects nodes by role, so that the role of every node must be known.

        Example:
            >>> from autoprox.graph import parse
            >>> parse("nodes_sum(only_mlp(l1(weight)))").selected_sites, parse("nodes_sum(l1(weight))").selected_sites
            (frozenset({<Site.LINEAR: 'linear'>}), frozenset())
        """
        return frozenset(
            each.kind.site
            for each in self.walk()
            if isinstance(each.operation, Primitive) and each.operation.form is Form.SELECT and each.kind.site
        )

    def to_networkx(self) -> "nx.DiGraph[str]":
        """Converts to a graph of networkx: one vertex per distinct sub-expression, edges from arguments to uses.

        Vertices are digests with the attributes `label` and `kind`; edges have the attribute `position`, the tuple of
        argument indices.
        """
        graph: nx.DiGraph[str] = nx.DiGraph()
        for each in self.walk():
            graph.add_node(each.digest, label=each.operation.name, kind=str(each.kind))
            for index, argument in enumerate(each.arguments):
                before = graph.get_edge_data(argument.digest, each.digest, {"position": ()})["position"]
                graph.add_edge(argument.digest, each.digest, position=(*before, index))
        return graph


def is_node_leaf(expression: Expression) -> bool:
    """Returns True for a NODE value that reads a network: a reduction of a TENSOR, or a count.

    Example:
        >>> from autoprox.graph import parse
        >>> is_node_leaf(parse("l1(weight)")), is_node_leaf(parse("log(l1(weight))"))
        (True, False)
    """
    if expression.kind.level is not Level.NODE:
        return False
    return all(each.kind.level is Level.TENSOR for each in expression.arguments)


def merge(expressions: Iterable[Expression]) -> "nx.DiGraph[str]":
    """Merges expressions into one graph with shared sub-expressions.

    Vertices are digests with the attribute `expression`; a topological order is an order of evaluation.

    Example:
        >>> from autoprox.graph import parse
        >>> merge([parse("nodes_sum(l1(weight))"), parse("nodes_mean(l1(weight))")]).number_of_nodes()
        4
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    for root in expressions:
        for each in root.walk():
            if each.digest not in graph:
                graph.add_node(each.digest, expression=each)
                graph.add_edges_from((argument.digest, each.digest) for argument in each.arguments)
    return graph


def _kind(operation: Operation, arguments: tuple[Expression, ...]) -> Kind:
    if isinstance(operation, Primitive):
        return operation.result_kind(tuple(each.kind for each in arguments))
    if arguments:
        called = "constant" if isinstance(operation, Literal) else "statistic"
        raise KindError(f"The {called} '{operation.name}' takes no arguments, {len(arguments)} given.")
    if isinstance(operation, Literal):
        return Kind.scalar()
    if operation.kind is StatisticKind.COUNT:
        return Kind.node(operation.site)
    assert operation.shape is not None
    return Kind.tensor(operation.site, operation.shape)


def _digest(operation: Operation, arguments: tuple[Expression, ...]) -> str:
    if isinstance(operation, Literal):
        return text_digest(f"literal {operation.name}")
    if isinstance(operation, Statistic):
        return text_digest(f"statistic {operation.name} {operation.version}")
    inner = [each.digest for each in arguments]
    if operation.commutative:
        inner.sort()
    return text_digest(f"{operation.level} {operation.name} {operation.version} {' '.join(inner)}")

"""`to_sympy`: what a proxy does with the numbers of its nodes, as an expression of SymPy (extra `export`)."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from autoprox.base.errors import SpecError
from autoprox.graph._expression import Expression, is_node_leaf
from autoprox.graph._kinds import ALL_ROLES, Kind
from autoprox.graph._literal import Literal
from autoprox.graph._primitives import Form, Primitive
from autoprox.graph._proxy import Proxy
from autoprox.graph.operations import EXP_LIMIT


def to_sympy(proxy: Proxy) -> Any:
    """Gives the NODE and SCALAR part of a proxy as a SymPy expression that nothing has been simplified in.

    What is made from a network, such as `l1(weight)`, is an indexed symbol of that name; its index l runs over the
    nodes, whose number is the symbol `n_<site>`, with the roles behind it where only some are kept. `epsilon` is the
    guard of logarithms and divisions, 1e-30. Operations that look at whole networks or at roles (`rank`, `only_mlp`,
    `nodes_max`) are undefined functions of their names.

    Returns:
        A `sympy.Expr`, sign included.

    Raises:
        SpecError: If SymPy is not installed.

    Example:
        >>> from autoprox.graph import parse
        >>> to_sympy(Proxy("p", parse("nodes_sum(square(l1(weight)))"), -1))
        -Sum(l1(weight)[l]**2, (l, 1, n_linear))
    """
    try:
        sympy = import_module("sympy")
    except ImportError as error:
        raise SpecError("to_sympy needs SymPy, which is not installed: pip install 'autoprox[export]'.") from error
    with sympy.evaluate(False):  # noqa: FBT003 - SymPy takes it by position alone
        value = _SymbolicBuilder(sympy).value(proxy.graph)
        return value if proxy.sign == 1 else -value


class _SymbolicBuilder:
    """Builds the expression of a graph.

    Args:
        sympy: The module.
    """

    def __init__(self, sympy: Any) -> None:
        self._sympy = sympy
        self._index = sympy.Symbol("l", integer=True, positive=True)
        self._elementwise = _elementwise(sympy)

    def value(self, expression: Expression) -> Any:
        """The SymPy expression of a NODE or SCALAR expression."""
        if is_node_leaf(expression):
            return self._sympy.IndexedBase(str(expression))[self._index]
        primitive = expression.operation
        if isinstance(primitive, Literal):
            return self._sympy.Float(primitive.value)
        assert isinstance(primitive, Primitive)
        inner = [self.value(each) for each in expression.arguments]
        if primitive.form is Form.AGGREGATE:
            return self._aggregate(primitive, inner[0], expression.arguments[0].kind)
        if primitive.name in self._elementwise and not primitive.segmental:
            return self._elementwise[primitive.name](*inner)
        return self._sympy.Function(primitive.name)(*inner)

    def _aggregate(self, primitive: Primitive, value: Any, kind: Kind) -> Any:
        sympy, number = self._sympy, self._number(kind)

        def total(term: Any) -> Any:
            # Without evaluation SymPy puts a factor of 1 before the term, which is unchanged either way.
            with sympy.evaluate(True):  # noqa: FBT003 - SymPy takes it by position alone
                return sympy.Sum(term, (self._index, 1, number))

        known: dict[str, Callable[[], Any]] = {
            "nodes_sum": lambda: total(value),
            "nodes_mean": lambda: total(value) / number,
            "nodes_std": lambda: sympy.sqrt(total((value - total(value) / number) ** 2) / number),
            "nodes_logsum": lambda: total(self._elementwise["logabs"](value)),
            "nodes_norm": lambda: sympy.sqrt(total(value**2)),
        }
        return known[primitive.name]() if primitive.name in known else sympy.Function(primitive.name)(value)

    def _number(self, kind: Kind) -> Any:
        roles = [] if kind.roles == ALL_ROLES else sorted(kind.roles)
        return self._sympy.Symbol("_".join(["n", str(kind.site), *roles]), integer=True, positive=True)


def _elementwise(sympy: Any) -> dict[str, Callable[..., Any]]:
    """Operations of `autoprox.graph.operations`, in symbols."""
    guard = sympy.Symbol("epsilon", positive=True)
    return {
        "identity": lambda x: x,
        "log": lambda x: sympy.log(sympy.Max(x, 0) + guard),
        "logabs": lambda x: sympy.log(sympy.Abs(x) + guard),
        "abs": sympy.Abs,
        "square": lambda x: x**2,
        "exp": lambda x: sympy.exp(sympy.Min(x, int(EXP_LIMIT))),
        "relu": lambda x: sympy.Max(x, 0),
        "reciprocal": lambda x: x / (x**2 + guard**2),
        "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
        "tanh": sympy.tanh,
        "sqrt": lambda x: sympy.sqrt(sympy.Max(x, 0)),
        "neg": lambda x: -x,
        "sign": sympy.sign,
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "div": lambda a, b: a * b / (b**2 + guard**2),
        "maximum": sympy.Max,
        "minimum": sympy.Min,
    }

"""The primitives of the proxy language: what may stand between the statistics and the score.

A primitive has a name, the level of its arguments, and a form that says how the kinds of its arguments give the kind
of its result. The same name may exist at several levels ("log" of a TENSOR, a NODE, a SCALAR): the arguments decide.

To add one, write its function in `operations` (element-wise), `tensors` or `nodes`, and register it below; the
conformance tests in tests/conformance/test_primitives.py find it by its registration.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from autoprox.errors import KindError, RegistryError, suggestion
from autoprox.graph import nodes, operations, tensors
from autoprox.graph.kinds import ALL_ROLES, Kind, Level
from autoprox.models.nodes import Role
from autoprox.registry import Registry


class Form(StrEnum):
    """How a primitive takes kinds to a kind."""

    MAP = "map"  # one value to a value of the same kind
    PAIR = "pair"  # two values of one kind to a value of that kind
    GRAM = "gram"  # two TENSORs of one kind to a square TENSOR a node
    REDUCE = "reduce"  # TENSOR to NODE
    SELECT = "select"  # NODE to NODE with fewer roles
    AGGREGATE = "aggregate"  # NODE to SCALAR

    @property
    def arity(self) -> int:
        """Number of arguments."""
        return 2 if self in (Form.PAIR, Form.GRAM) else 1


@dataclass(frozen=True, eq=False)
class Primitive:
    """One operation of the language.

    Args:
        name: What stands in the text of a graph.
        level: Level of the arguments.
        form: How kinds go in and out.
        function: Called with the arguments and, by form and level, with the module and guard (element-wise and TENSOR
            operations) or with the `Segments` (NODE operations that look at whole architectures).
        commutative: Whether the two arguments may be exchanged without changing a bit of the result.
        segmental: Whether `function` takes segments.
        roles: Of a selector, the roles it keeps.
        weight: How often evolution draws it, relative to the others; 0 means never.
        version: Raised whenever the function's values change, so that cached values are not used for another meaning.
    """

    name: str
    level: Level
    form: Form
    function: Callable[..., Any]
    commutative: bool = False
    segmental: bool = False
    roles: frozenset[Role] = ALL_ROLES
    weight: float = 1.0
    version: int = 1

    def __reduce__(self) -> tuple[Any, ...]:
        # A primitive travels to another process as its name, and is found in the registry there.
        return find_primitive, (self.name, self.level)

    @property
    def arity(self) -> int:
        """Number of arguments."""
        return self.form.arity

    def result_kind(self, kinds: tuple[Kind, ...]) -> Kind:
        """Kind of the result for arguments of these kinds.

        Raises:
            KindError: If the number or the kinds of the arguments do not fit.
        """
        if len(kinds) != self.arity:
            raise KindError(f"'{self.name}' takes {self.arity} argument(s), {len(kinds)} given.")
        for kind in kinds:
            if kind.level is not self.level:
                raise KindError(f"'{self.name}' of a {self.level.upper()} was given a {kind}.")
        return _RESULT[self.form](self, kinds)


def _same(primitive: Primitive, kinds: tuple[Kind, ...]) -> Kind:
    if len({(kind.site, kind.shape) for kind in kinds}) > 1:
        raise KindError(
            f"'{primitive.name}' cannot pair {kinds[0]} with {kinds[1]}: the two must have the same nodes"
            " and, node by node, the same shape."
        )
    roles = frozenset.intersection(*(kind.roles for kind in kinds))
    if not roles:
        raise KindError(f"'{primitive.name}' of {kinds[0]} and {kinds[1]}: no node has a role of both.")
    return Kind(primitive.level, kinds[0].site, kinds[0].shape, roles)


def _gram(primitive: Primitive, kinds: tuple[Kind, ...]) -> Kind:
    paired = _same(primitive, kinds)
    assert paired.site is not None
    assert paired.shape is not None
    shape = paired.shape if paired.shape.startswith("gram ") else f"gram {paired.shape}"
    return Kind.tensor(paired.site, shape)


def _reduced(_primitive: Primitive, kinds: tuple[Kind, ...]) -> Kind:
    assert kinds[0].site is not None
    return Kind.node(kinds[0].site)


def _selected(primitive: Primitive, kinds: tuple[Kind, ...]) -> Kind:
    roles = kinds[0].roles & primitive.roles
    if not roles:
        raise KindError(f"'{primitive.name}' of {kinds[0]} keeps no node.")
    return Kind(Level.NODE, kinds[0].site, None, roles)


_RESULT: dict[Form, Callable[[Primitive, tuple[Kind, ...]], Kind]] = {
    Form.MAP: _same,
    Form.PAIR: _same,
    Form.GRAM: _gram,
    Form.REDUCE: _reduced,
    Form.SELECT: _selected,
    Form.AGGREGATE: lambda _primitive, _kinds: Kind.scalar(),
}

PRIMITIVES: dict[Level, Registry[Primitive]] = {level: Registry(f"{level.upper()} primitive") for level in Level}


def find_primitive(name: str, level: Level) -> Primitive:
    """The primitive of this name whose arguments have this level.

    Raises:
        RegistryError: If there is none; the message names the nearest one.

    Example:
        >>> find_primitive("log", Level.NODE).form
        <Form.MAP: 'map'>
    """
    if name in PRIMITIVES[level]:
        return PRIMITIVES[level][name]
    elsewhere = [str(other).upper() for other in Level if name in PRIMITIVES[other]]
    if elsewhere:
        raise RegistryError(f"'{name}' exists for {' and '.join(elsewhere)} arguments, not for {level.upper()}.")
    raise RegistryError(f"Unknown primitive '{name}'. {suggestion(name, PRIMITIVES[level])}")


def register(primitive: Primitive) -> Primitive:
    """Adds a primitive to the language.

    Raises:
        RegistryError: If its name is taken at its level.
    """
    return PRIMITIVES[primitive.level].register(primitive.name, primitive)


# Sampling weights: the published list draws identity twice as often as the rest. An identity changes nothing, so here
# it exists for genotypes only (weight 0).
_MAPS = {
    "log": operations.log,
    "logabs": operations.logabs,
    "abs": operations.absolute,
    "square": operations.square,
    "exp": operations.exp,
    "relu": operations.relu,
    "reciprocal": operations.reciprocal,
    "sigmoid": operations.sigmoid,
    "tanh": operations.tanh,
    "sqrt": operations.sqrt,
    "neg": operations.negative,
    "sign": operations.sign,
    "identity": operations.identity,
}
_PAIRS = {
    "add": (operations.add, True),
    "sub": (operations.subtract, False),
    "mul": (operations.multiply, True),
    "div": (operations.divide, False),
    "maximum": (operations.maximum, True),
    "minimum": (operations.minimum, True),
}
# What a tensor would lose its meaning by, or what only a tensor needs, is left out at the other levels.
_UNWANTED = {(Level.TENSOR, "div"), (Level.NODE, "sign"), (Level.SCALAR, "sign"), (Level.SCALAR, "relu")}

for _level in Level:
    for _name, _function in _MAPS.items():
        if (_level, _name) not in _UNWANTED:
            register(Primitive(_name, _level, Form.MAP, _function, weight=0.0 if _name == "identity" else 1.0))
    for _name, (_pair, _commutative) in _PAIRS.items():
        if (_level, _name) not in _UNWANTED:
            register(Primitive(_name, _level, Form.PAIR, _pair, commutative=_commutative))

for _name, _tensor_map in {
    "zscore": tensors.zscore,
    "minmax": tensors.minmax,
    "softmax": tensors.softmax,
    "log_softmax": tensors.log_softmax,
}.items():
    register(Primitive(_name, Level.TENSOR, Form.MAP, _tensor_map))
register(Primitive("matmul", Level.TENSOR, Form.GRAM, tensors.matrix_product, weight=0.5))

for _name, _reduction in {
    "sum": tensors.reduce_sum,
    "mean": tensors.reduce_mean,
    "mean_abs": tensors.reduce_mean_abs,
    "l1": tensors.reduce_l1,
    "frobenius": tensors.reduce_frobenius,
    "std": tensors.reduce_std,
    "max": tensors.reduce_max,
    "min": tensors.reduce_min,
    "positive_share": tensors.reduce_positive_share,
    "mean_log": tensors.reduce_mean_log,
}.items():
    register(Primitive(_name, Level.TENSOR, Form.REDUCE, _reduction))

for _name, _node_map in {
    "zscore": nodes.zscore,
    "minmax": nodes.minmax,
    "share": nodes.share,
    "rank": nodes.rank,
    "deep": nodes.deep,
    "shallow": nodes.shallow,
    "sine": nodes.sine,
}.items():
    register(Primitive(_name, Level.NODE, Form.MAP, _node_map, segmental=True))

_BODY = frozenset({Role.ATTENTION, Role.MLP, Role.POOL})
for _name, _roles in {
    "only_attention": frozenset({Role.ATTENTION}),
    "only_mlp": frozenset({Role.MLP}),
    "only_body": _BODY,
    "only_ends": ALL_ROLES - _BODY,
}.items():
    register(Primitive(_name, Level.NODE, Form.SELECT, operations.identity, roles=_roles))

for _name, _aggregator in {
    "nodes_sum": nodes.nodes_sum,
    "nodes_mean": nodes.nodes_mean,
    "nodes_max": nodes.nodes_max,
    "nodes_min": nodes.nodes_min,
    "nodes_std": nodes.nodes_std,
    "nodes_logsum": nodes.nodes_logsum,
    "nodes_norm": nodes.nodes_norm,
    "nodes_first": nodes.nodes_first,
    "nodes_last": nodes.nodes_last,
}.items():
    register(Primitive(_name, Level.NODE, Form.AGGREGATE, _aggregator, segmental=True))

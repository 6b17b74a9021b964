"""Primitives: operations that may stand between the statistics and the score.

A primitive has a name, the level of its arguments, and a form that says how the kinds of its arguments give the kind
of its result. The same name may exist at several levels ("log" of a TENSOR, a NODE, a SCALAR): the arguments decide.
The list of all of them is in `catalogue`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from autoprox.base.errors import KindError, RegistryError, suggestion
from autoprox.base.registry import Registry
from autoprox.graph._kinds import ALL_ROLES, Kind, Level
from autoprox.graph._laws import NO_LAWS, Laws
from autoprox.inspect.nodes import Role, Site


class Form(StrEnum):
    """How a primitive takes kinds to a kind."""

    MAP = "map"  # one value to a value of the same kind
    PAIR = "pair"  # two values of one kind to a value of that kind
    GRAM = "gram"  # a TENSOR to a square TENSOR a node
    PRODUCT = "product"  # two TENSORs of one kind to a square TENSOR a node
    REDUCE = "reduce"  # TENSOR to NODE
    COMPARE = "compare"  # two TENSORs of one kind to NODE
    SELECT = "select"  # NODE to NODE with fewer roles
    AGGREGATE = "aggregate"  # NODE to SCALAR

    @property
    def arity(self) -> int:
        """Number of arguments."""
        return 2 if self in (Form.PAIR, Form.PRODUCT, Form.COMPARE) else 1

    @property
    def reduces(self) -> bool:
        """Whether it takes TENSOR to NODE; its function is then given the `Moments` of tensors."""
        return self in (Form.REDUCE, Form.COMPARE)


class Complexity(IntEnum):
    """Cost of computing it, for a tensor of `n` elements that is a matrix of `r` rows and `c` columns, r <= c."""

    LINEAR = 1
    """A few passes over the elements, O(n)."""
    PRODUCT = 2
    """A matrix product, O(r n)."""
    SPECTRAL = 3
    """Singular values in double precision: O(r n) as well, and many times a product."""


@dataclass(frozen=True, eq=False)
class Primitive:
    """One operation of the language.

    Args:
        name: What stands in the text of a graph.
        level: Level of the arguments.
        form: How kinds go in and out.
        function: Called with the arguments; then with the `Segments`, if it is segmental; then with the module and the
            guard, as in `autoprox.graph.operations`. A reduction of tensors is called with their `Moments` alone.
        guard: What its value is where the plain formula is undefined; empty if that is nowhere.
        complexity: What computing it takes; evolution fills its first bank with what is not expensive.
        laws: What else is known of it.
        commutative: Whether the two arguments may be exchanged without changing a bit of the result.
        segmental: Whether `function` takes segments.
        roles: Of a selector, the roles it keeps.
        weight: How often evolution draws it, relative to the others; 0 means never.
        undefined: Names of the cases of `probe` for which its result is meant not to be finite.
        version: Raised whenever the function's values change, so that cached values are not used for another meaning.

    Attributes:
        arity: Number of arguments.
    """

    name: str
    level: Level
    form: Form
    function: Callable[..., Any]
    guard: str = ""
    complexity: Complexity = Complexity.LINEAR
    laws: Laws = NO_LAWS
    commutative: bool = False
    segmental: bool = False
    roles: frozenset[Role] = ALL_ROLES
    weight: float = 1.0
    undefined: frozenset[str] = frozenset()
    version: int = 1
    arity: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arity", self.form.arity)

    def __reduce__(self) -> tuple[Any, ...]:
        # A primitive travels to another process as its name, and is found in the registry there.
        return find_primitive, (self.name, self.level)

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


# Kinds that most graphs have; that they are the same objects makes comparing them cheap.
_SCALAR = Kind.scalar()
_WHOLE_SITES = {site: Kind.node(site) for site in Site}


def _same(primitive: Primitive, kinds: tuple[Kind, ...]) -> Kind:
    if all(kind is kinds[0] for kind in kinds):
        return kinds[0]
    if len({(kind.site, kind.shape) for kind in kinds}) > 1:
        raise KindError(
            f"'{primitive.name}' cannot pair {kinds[0]} with {kinds[1]}: the two must have the same nodes"
            " and, node by node, the same shape."
        )
    roles = frozenset.intersection(*(kind.roles for kind in kinds))
    if not roles:
        raise KindError(f"'{primitive.name}' of {kinds[0]} and {kinds[1]}: no node has a role of both.")
    return Kind(primitive.level, kinds[0].site, kinds[0].shape, roles)


def _square(primitive: Primitive, kinds: tuple[Kind, ...]) -> Kind:
    paired = _same(primitive, kinds)
    assert paired.site is not None
    assert paired.shape is not None
    shape = paired.shape if paired.shape.startswith("gram ") else f"gram {paired.shape}"
    return Kind.tensor(paired.site, shape)


def _reduced(_primitive: Primitive, kinds: tuple[Kind, ...]) -> Kind:
    assert kinds[0].site is not None
    return _WHOLE_SITES[kinds[0].site]


def _compared(primitive: Primitive, kinds: tuple[Kind, ...]) -> Kind:
    return _reduced(primitive, (_same(primitive, kinds),))


def _selected(primitive: Primitive, kinds: tuple[Kind, ...]) -> Kind:
    roles = kinds[0].roles & primitive.roles
    if not roles:
        raise KindError(f"'{primitive.name}' of {kinds[0]} keeps no node.")
    return Kind(Level.NODE, kinds[0].site, None, roles)


_RESULT: dict[Form, Callable[[Primitive, tuple[Kind, ...]], Kind]] = {
    Form.MAP: _same,
    Form.PAIR: _same,
    Form.GRAM: _square,
    Form.PRODUCT: _square,
    Form.REDUCE: _reduced,
    Form.COMPARE: _compared,
    Form.SELECT: _selected,
    Form.AGGREGATE: lambda _primitive, _kinds: _SCALAR,
}

PRIMITIVES: dict[Level, Registry[Primitive]] = {level: Registry(f"{level.upper()} primitive") for level in Level}


def find_primitive(name: str, level: Level) -> Primitive:
    """The primitive of this name whose arguments have this level.

    Raises:
        RegistryError: If there is no such name; the message names the nearest one.

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

"""Primitives: the operations between statistics and score.

A primitive has a name, the level of its arguments, and a form that maps the kinds of its arguments to the kind of its
result. A name may exist at several levels ("log" of a TENSOR, a NODE, a SCALAR); the arguments select the level. All
primitives are listed in `_catalogue`.
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
    """Mapping of a primitive from the kinds of its arguments to the kind of its result."""

    MAP = "map"  # one value to a value of the same kind
    PAIR = "pair"  # two values of one kind to a value of that kind
    GRAM = "gram"  # a TENSOR to a square TENSOR per node
    PRODUCT = "product"  # two TENSORs of one kind to a square TENSOR per node
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
        """True if it maps TENSOR to NODE; its function then gets the `Moments` of tensors."""
        return self in (Form.REDUCE, Form.COMPARE)


class Complexity(IntEnum):
    """Cost of a primitive for a tensor of `n` elements, viewed as a matrix of `r` rows and `c` columns, r <= c."""

    LINEAR = 1
    """Few passes over the elements, O(n)."""
    PRODUCT = 2
    """A matrix product, O(r n)."""
    SPECTRAL = 3
    """Singular values in double precision: also O(r n), but many times slower than a product."""


@dataclass(frozen=True, eq=False)
class Primitive:
    """One operation of the language.

    Args:
        name: Name in the text of a graph.
        level: Level of the arguments.
        form: Mapping of kinds.
        function: Called with the arguments, then the `Segments` if it is segmental, then the module and the guard, as
            in `autoprox.graph.operations`. A reduction of tensors is called only with their `Moments`.
        guard: Its value where the plain formula is undefined; empty if it is defined everywhere.
        complexity: Its cost; evolution fills its first bank with inexpensive ones.
        laws: Its exact laws.
        commutative: True if exchanging the arguments gives a bit-identical result.
        segmental: True if `function` takes segments.
        roles: Roles kept by a selector.
        weight: Relative frequency in evolution; 0 means never.
        undefined: Names in `PROBES` for which its result may be infinite or NaN.
        version: Raised whenever its values change, which invalidates cached values.

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
        # A primitive is pickled by name and found in the registry of the other process.
        return find_primitive, (self.name, self.level)

    def result_kind(self, kinds: tuple[Kind, ...]) -> Kind:
        """Returns the kind of the result for arguments of these kinds.

        Raises:
            KindError: If the number or the kinds of the arguments do not fit.
        """
        if len(kinds) != self.arity:
            raise KindError(f"'{self.name}' takes {self.arity} argument(s), {len(kinds)} given.")
        for kind in kinds:
            if kind.level is not self.level:
                raise KindError(f"'{self.name}' of a {self.level.upper()} was given a {kind}.")
        return _RESULT[self.form](self, kinds)


# Common kinds; shared objects make comparisons fast.
_SCALAR = Kind.scalar()
_WHOLE_SITES = {site: Kind.node(site) for site in Site}


def _same(primitive: Primitive, kinds: tuple[Kind, ...]) -> Kind:
    if all(kind is kinds[0] for kind in kinds):
        return kinds[0]
    if len({(kind.site, kind.shape) for kind in kinds}) > 1:
        raise KindError(
            f"'{primitive.name}' cannot pair {kinds[0]} with {kinds[1]}: the two must have the same nodes "
            "and, at each node, the same shape."
        )
    roles = frozenset.intersection(*(kind.roles for kind in kinds))
    if not roles:
        raise KindError(f"'{primitive.name}' of {kinds[0]} and {kinds[1]}: the two have no role in common.")
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
    """Finds the primitive of a name with arguments of a level.

    Raises:
        RegistryError: If the name is unknown at this level; the message gives the nearest one.

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

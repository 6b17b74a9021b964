"""The kinds of a graph's values: TENSOR > NODE > SCALAR.

- TENSOR: one tensor for each node of an architecture, of any shape. Two of them may be combined only if they lie at the
  same site and belong to the same shape class, that is, if node by node their shapes are declared to be equal.
- NODE: one float for each node of a site, restricted to a set of roles.
- SCALAR: one float for each architecture.
"""

from dataclasses import dataclass
from enum import StrEnum

from autoprox.inspect.nodes import Role, Site

ALL_ROLES = frozenset(Role)


class Level(StrEnum):
    """How far a value has been reduced."""

    TENSOR = "tensor"
    NODE = "node"
    SCALAR = "scalar"


@dataclass(frozen=True, slots=True)
class Kind:
    """Kind of a value of a graph.

    Args:
        level: TENSOR, NODE or SCALAR.
        site: Where in a network the nodes lie; None for SCALAR.
        shape: Shape class of a TENSOR; None otherwise.
        roles: Roles of the nodes that a NODE value covers.

    Example:
        >>> str(Kind.tensor(Site.LINEAR, "weight"))
        'TENSOR[linear, weight]'
        >>> str(Kind.node(Site.LINEAR, frozenset({Role.MLP})))
        'NODE[linear, mlp]'
    """

    level: Level
    site: Site | None = None
    shape: str | None = None
    roles: frozenset[Role] = ALL_ROLES

    @property
    def channels_first(self) -> bool:
        """Whether the channels of a TENSOR are its first dimension, as those of weights are, or its last."""
        return self.shape == "weight"

    @classmethod
    def tensor(cls, site: Site, shape: str) -> "Kind":
        """The kind of one tensor per node."""
        return cls(Level.TENSOR, site, shape)

    @classmethod
    def node(cls, site: Site, roles: frozenset[Role] = ALL_ROLES) -> "Kind":
        """The kind of one float per node."""
        return cls(Level.NODE, site, None, roles)

    @classmethod
    def scalar(cls) -> "Kind":
        """The kind of one float an architecture."""
        return cls(Level.SCALAR)

    def __str__(self) -> str:
        if self.level is Level.SCALAR:
            return "SCALAR"
        if self.level is Level.TENSOR:
            return f"TENSOR[{self.site}, {self.shape}]"
        roles = "all roles" if self.roles == ALL_ROLES else "+".join(sorted(self.roles))
        return f"NODE[{self.site}, {roles}]"

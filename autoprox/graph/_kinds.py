"""The kinds of a graph's values: TENSOR > NODE > SCALAR.

- TENSOR: one tensor of any shape per node of an architecture. Two of them may be combined only if they have the same
  site and shape class, that is, equal declared shapes at each node.
- NODE: one float per node of a site, restricted to a set of roles.
- SCALAR: one float per architecture.
"""

from dataclasses import dataclass
from enum import StrEnum

from autoprox.inspect.nodes import Role, Site

ALL_ROLES = frozenset(Role)


class Level(StrEnum):
    """Level of reduction of a value."""

    TENSOR = "tensor"
    NODE = "node"
    SCALAR = "scalar"


@dataclass(frozen=True, slots=True)
class Kind:
    """Kind of a value of a graph.

    Args:
        level: TENSOR, NODE or SCALAR.
        site: Site of the nodes; None for SCALAR.
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
        """True if channels are the first dimension of a TENSOR, as for weights, and not the last."""
        return self.shape == "weight"

    @classmethod
    def tensor(cls, site: Site, shape: str) -> "Kind":
        """Returns the kind of one tensor per node."""
        return cls(Level.TENSOR, site, shape)

    @classmethod
    def node(cls, site: Site, roles: frozenset[Role] = ALL_ROLES) -> "Kind":
        """Returns the kind of one float per node."""
        return cls(Level.NODE, site, None, roles)

    @classmethod
    def scalar(cls) -> "Kind":
        """Returns the kind of one float per architecture."""
        return cls(Level.SCALAR)

    def __str__(self) -> str:
        if self.level is Level.SCALAR:
            return "SCALAR"
        if self.level is Level.TENSOR:
            return f"TENSOR[{self.site}, {self.shape}]"
        roles = "all roles" if self.roles == ALL_ROLES else "+".join(sorted(self.roles))
        return f"NODE[{self.site}, {roles}]"

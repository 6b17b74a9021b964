"""Nodes: the modules of a network at which statistics are taken, each with its site and its role.

A network says itself which part of it does what (`declare`); nothing is guessed from names or shapes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from torch import nn

from autoprox.errors import CollectionError, SpecError, suggestion

_ROLE_ATTRIBUTE = "autoprox_role"

M = TypeVar("M", bound=nn.Module)


class Site(StrEnum):
    """What kind of module a node is, and so which statistics it has."""

    LINEAR = "linear"
    """A linear layer or a convolution."""
    NORM = "norm"
    """A layer normalisation."""
    ACTIVATION = "activation"
    """An activation function."""
    ATTENTION = "attention"
    """The softmax whose output are the attention probabilities, `(B, heads, tokens, tokens)`."""


class Role(StrEnum):
    """Which part of a network a node belongs to."""

    EMBED = "embed"
    ATTENTION = "attention"
    MLP = "mlp"
    POOL = "pool"
    HEAD = "head"


_SITES: tuple[tuple[tuple[type[nn.Module], ...], Site], ...] = (
    ((nn.Linear, nn.Conv2d), Site.LINEAR),
    ((nn.LayerNorm,), Site.NORM),
    ((nn.GELU,), Site.ACTIVATION),
    ((nn.Softmax,), Site.ATTENTION),
)


@dataclass(frozen=True, slots=True)
class Node:
    """A module at which statistics are taken.

    Args:
        name: Its qualified name in the network.
        module: The module itself.
        site: What kind of module it is.
        role: Which part of the network it belongs to.
    """

    name: str
    module: nn.Module
    site: Site
    role: Role


def declare(module: M, role: Role) -> M:
    """Says that a module, and what lies below it unless declared itself, plays a role; returns the module.

    Raises:
        SpecError: If there is no such role.

    Example:
        >>> head = declare(nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 2)), Role.HEAD)
        >>> [(node.name, node.site.value, node.role.value) for node in nodes(head)]
        [('0', 'norm', 'head'), ('1', 'linear', 'head')]
    """
    if role not in list(Role):
        raise SpecError(f"Unknown role '{role}'. {suggestion(str(role), list(Role))}")
    # The mark travels with copies and pickles of the module. It is no parameter: torch's own __setattr__ is not needed.
    object.__setattr__(module, _ROLE_ATTRIBUTE, Role(role))
    return module


def nodes(model: nn.Module) -> list[Node]:
    """Lists the nodes of a network in the order of their definition, which in our families is that of the forward pass.

    Raises:
        CollectionError: If a node lies under no module with a declared role.

    Example:
        >>> nodes(nn.Sequential(nn.Linear(4, 2)))
        Traceback (most recent call last):
        ...
        autoprox.errors.CollectionError: The Linear '0' has no role. Call autoprox.models.nodes.declare(module, role) \
on it or on a module above it; roles: embed, attention, mlp, pool, head.
    """
    found = []
    for name, module, site, role in located(model):
        if role is None:
            raise CollectionError(
                f"The {type(module).__name__} '{name}' has no role. Call autoprox.models.nodes.declare(module, role) "
                f"on it or on a module above it; roles: {', '.join(Role)}."
            )
        found.append(Node(name, module, site, role))
    return found


def located(model: nn.Module) -> Iterator[tuple[str, nn.Module, Site, Role | None]]:
    """Name, module, site and role of every node, in the order of `nodes`; no role where none is declared.

    Example:
        >>> [(name, site.value, role) for name, _, site, role in located(nn.Sequential(nn.Linear(4, 2)))]
        [('0', 'linear', None)]
    """
    roles: dict[str, Role | None] = {}
    for name, module in model.named_modules():
        # A module is listed behind the one that holds it, so the role of the holder is known.
        above = roles.get(name.rpartition(".")[0]) if name else None
        role = roles[name] = getattr(module, _ROLE_ATTRIBUTE, above)
        site = next((site for kinds, site in _SITES if isinstance(module, kinds)), None)
        if site is not None:
            yield name, module, site, role

"""Nodes: the places of a network at which statistics are taken, each with its site and its role.

A network may say itself which part of it does what (`declare`). Of one that does not say it, or computes attention or
activations by functions, `autoprox.inspect.find_nodes` finds out in a forward pass; the rules are in
`autoprox.inspect.roles`.
"""

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from torch import nn

from autoprox.base.errors import CollectionError, SpecError, suggestion

_ROLE_ATTRIBUTE = "autoprox_role"

M = TypeVar("M", bound=nn.Module)


class Site(StrEnum):
    """Kind of module that a node is, which decides its statistics."""

    LINEAR = "linear"
    """A linear layer or a convolution."""
    NORM = "norm"
    """A normalisation."""
    ACTIVATION = "activation"
    """An activation function; not sigmoid or tanh, which make gates and masks as well."""
    ATTENTION = "attention"
    """The softmax whose output are the attention probabilities, `(B, heads, tokens, tokens)`."""


class Role(StrEnum):
    """Which part of a network a node belongs to."""

    EMBED = "embed"
    ATTENTION = "attention"
    MLP = "mlp"
    POOL = "pool"
    HEAD = "head"
    OTHER = "other"
    """Any other node: nothing in it depends on the images, it takes no part, or no rule tells what it does."""
    MIXER = "mixer"
    """Mixes tokens without attention, for example by convolutions. It is declared; no rule finds it."""


_SITES: tuple[tuple[tuple[type[nn.Module], ...], Site], ...] = (
    ((nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d), Site.LINEAR),
    ((nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.modules.batchnorm._BatchNorm), Site.NORM),
    (
        (
            *(nn.GELU, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.SiLU, nn.Mish),
            *(nn.ELU, nn.SELU, nn.CELU, nn.Hardswish, nn.Softplus),
        ),
        Site.ACTIVATION,
    ),
    ((nn.Softmax,), Site.ATTENTION),
)
_NAMED_SITES: tuple[tuple[re.Pattern[str], Site], ...] = (
    # transformers.pytorch_utils.Conv1D, whose weight is transposed.
    (re.compile("Conv1D"), Site.LINEAR),
    (re.compile(r"\w*(LayerNorm|RMSNorm|RmsNorm)(2d|Fp32)?"), Site.NORM),
    # Those of transformers.activations, of timm.layers, and as users name theirs.
    (
        re.compile(r"\w*(GELU|Gelu|SiLU|Silu|Swish|ReLU|Relu|ReLUSquared|Mish)(Tanh)?(Activation)?(Me|Jit|JitMe)?"),
        Site.ACTIVATION,
    ),
)
# Class names of leaves that others have written, in full.


@dataclass(frozen=True, slots=True)
class Call:
    """Where in the forward pass of a network a function is called.

    Args:
        network: The network.
        owner: The module of it whose forward pass calls the function.
        function: Name of the function.
        index: Which of the owner's calls of functions with this name it is, from 0.
        weight: Where the call is known by the weight that it is given: the name of that parameter in the owner, which
            holds it; the index means nothing then.
    """

    network: nn.Module
    owner: nn.Module
    function: str
    index: int
    weight: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A place at which statistics are taken: a module or, in functional form, a call of a function.

    Args:
        name: Its qualified name in the network. That of a call is `owner:function`, behind which the second and later
            calls have their number; that of a call with a parameter of its owner is the name of the parameter.
        module: The module itself. For a call, a module that is not part of the network and holds the parameters of it.
        site: What kind of module it is.
        role: Which part of the network it belongs to.
        untold: Where no rule tells the role, which is OTHER then, what was observed of the node; empty otherwise.
        call: The call; None for a module that is called as one. A layer has one too if a function uses its weight, as
            torch's own attention does with its last layer.
    """

    name: str
    module: nn.Module
    site: Site
    role: Role
    call: Call | None = None
    untold: str = ""


def check_told(found: Iterable[Node], sites: Container[Site]) -> None:
    """Checks that it is known which roles the nodes of some sites have.

    Raises:
        CollectionError: If the role of one is neither declared nor told by a rule.

    Example:
        >>> node = Node("fc", nn.Linear(2, 2), Site.LINEAR, Role.OTHER, untold="it reads nothing that torch sees")
        >>> check_told([node], {Site.NORM})
    """
    for node in found:
        if node.untold and node.site in sites:
            raise CollectionError(
                f"The {type(node.module).__name__} '{node.name}' has no role, and none can be told: {node.untold}. "
                f"{HOW_TO_DECLARE}"
            )


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
    # The mark travels with copies and pickles of the module. It is not a parameter, so torch's own
    # __setattr__ is not needed.
    object.__setattr__(module, _ROLE_ATTRIBUTE, Role(role))
    return module


def nodes(model: nn.Module) -> list[Node]:
    """Lists the modules of a network that are nodes, in the order of their definition, by what is declared alone.

    The order of definition is that of the forward pass in our families.

    Raises:
        CollectionError: If a node lies under no module with a declared role.

    Example:
        >>> nodes(nn.Sequential(nn.Linear(4, 2)))
        Traceback (most recent call last):
        ...
        autoprox.base.errors.CollectionError: The Linear '0' has no role. Call autoprox.inspect.nodes.declare(module, \
role), or set module.autoprox_role, on it or on a module above it; \
roles: embed, attention, mlp, pool, head, other, mixer.
    """
    found = []
    for name, module, site, role in located(model):
        if role is None:
            raise CollectionError(f"The {type(module).__name__} '{name}' has no role. {HOW_TO_DECLARE}")
        found.append(Node(name, module, site, role))
    return found


HOW_TO_DECLARE = (
    "Call autoprox.inspect.nodes.declare(module, role), or set module.autoprox_role, on it or on a module above it; "
    f"roles: {', '.join(Role)}."
)
"""Ends an error message about a role."""


def located(model: nn.Module) -> Iterator[tuple[str, nn.Module, Site, Role | None]]:
    """Name, module, site and role of every module that is a node, in the order of `nodes`; None where none is declared.

    Raises:
        CollectionError: If what was declared is not a role.

    Example:
        >>> [(name, site.value, role) for name, _, site, role in located(nn.Sequential(nn.Linear(4, 2)))]
        [('0', 'linear', None)]
    """
    for name, module, role in _with_roles(model):
        site = site_of(module)
        if site is not None:
            yield name, module, site, role


def declared_roles(model: nn.Module) -> dict[str, Role | None]:
    """For the name of every module, the role of the nearest declaration on it or above it; None without one.

    Raises:
        CollectionError: If what was declared is not a role.

    Example:
        >>> declared_roles(declare(nn.Sequential(nn.Linear(4, 2)), Role.HEAD))
        {'': <Role.HEAD: 'head'>, '0': <Role.HEAD: 'head'>}
    """
    return {name: role for name, _, role in _with_roles(model)}


def _with_roles(model: nn.Module) -> Iterator[tuple[str, nn.Module, Role | None]]:
    """Name and declared role of every module."""
    roles: dict[str, Role | None] = {}
    for name, module in model.named_modules():
        # A module is listed behind the one that holds it, so the role of the holder is known.
        role = roles.get(name.rpartition(".")[0]) if name else None
        mark = getattr(module, _ROLE_ATTRIBUTE, None)
        if mark is not None and type(mark) is not Role:
            role = _read_role(mark, name, module)
        elif mark is not None:
            role = mark
        roles[name] = role
        yield name, module, role


def _read_role(mark: str, name: str, module: nn.Module) -> Role:
    """Declared name of a role."""
    if mark not in list(Role):
        raise CollectionError(f"The {type(module).__name__} '{name}' has an unknown role, {mark!r}. {HOW_TO_DECLARE}")
    return Role(mark)


def site_of(module: nn.Module) -> Site | None:
    """Kind of node that a module is by its class, or by the name of its class if torch does not know it.

    Example:
        >>> class QuickGELU(nn.Module):
        ...     pass
        >>> site_of(QuickGELU()), site_of(nn.Dropout())
        (<Site.ACTIVATION: 'activation'>, None)
    """
    kind: Any = type(module)
    site, leaf = _site_of_class(kind)
    return site if not leaf or not module._modules else None


@cache
def _site_of_class(kind: type[nn.Module]) -> tuple[Site | None, bool]:
    """The site of a class, and whether that holds for modules alone that hold no others."""
    for kinds, site in _SITES:
        if issubclass(kind, kinds):
            return site, False
    for pattern, site in _NAMED_SITES:
        if pattern.fullmatch(kind.__name__):
            return site, True
    return None, False

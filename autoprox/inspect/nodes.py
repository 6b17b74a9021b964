"""Nodes: the places in a network where statistics are computed, each with a site and a role.

A network may declare the roles of its parts (`declare`). For networks without declarations, or with attention or
activations as functions, `autoprox.inspect.find_nodes` derives nodes from a forward pass by the rules in
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
    """Kind of a node, which determines its statistics."""

    LINEAR = "linear"
    """A linear layer or a convolution."""
    NORM = "norm"
    """A normalisation."""
    ACTIVATION = "activation"
    """An activation function; not sigmoid or tanh, which are also used for gates and masks."""
    ATTENTION = "attention"
    """The softmax that gives the attention probabilities, `(B, heads, tokens, tokens)`."""


class Role(StrEnum):
    """Part of a network that a node belongs to."""

    EMBED = "embed"
    ATTENTION = "attention"
    MLP = "mlp"
    POOL = "pool"
    HEAD = "head"
    OTHER = "other"
    """Any other node: it does not depend on the images, is not called, or matches no rule."""
    MIXER = "mixer"
    """Mixes tokens without attention, for example by convolutions. It must be declared; no rule finds it."""


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
    # transformers.pytorch_utils.Conv1D, with a transposed weight.
    (re.compile("Conv1D"), Site.LINEAR),
    (re.compile(r"\w*(LayerNorm|RMSNorm|RmsNorm)(2d|Fp32)?"), Site.NORM),
    # Names in transformers.activations, in timm.layers, and common names of users.
    (
        re.compile(r"\w*(GELU|Gelu|SiLU|Silu|Swish|ReLU|Relu|ReLUSquared|Mish)(Tanh)?(Activation)?(Me|Jit|JitMe)?"),
        Site.ACTIVATION,
    ),
)
# Full class names of leaf modules in other libraries.


@dataclass(frozen=True, slots=True)
class Call:
    """Place of a function call in the forward pass of a network.

    Args:
        network: The network.
        owner: The module that calls the function in its forward pass.
        function: Name of the function.
        index: Index among the owner's calls of this function, from 0.
        weight: Name of the owner's parameter if the call is identified by its weight; the index is unused then.
    """

    network: nn.Module
    owner: nn.Module
    function: str
    index: int
    weight: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A place where statistics are computed: a module or a function call.

    Args:
        name: Its qualified name in the network. A call is named `owner:function`, with a number from the second call
            on; a call with a parameter of its owner is named after the parameter.
        module: The module itself. For a call, a module outside the network with the parameters of the call.
        site: Kind of node.
        role: Part of the network.
        untold: Observation about a node without a matching rule, with role OTHER; empty otherwise.
        call: The call; None for a module that is called. A layer also has a call if a function uses its weight, as in
            the last layer of torch's attention.
    """

    name: str
    module: nn.Module
    site: Site
    role: Role
    call: Call | None = None
    untold: str = ""


def check_told(found: Iterable[Node], sites: Container[Site]) -> None:
    """Checks that the roles of all nodes of some sites are known.

    Raises:
        CollectionError: If a role is neither declared nor found by a rule.

    Example:
        >>> node = Node("fc", nn.Linear(2, 2), Site.LINEAR, Role.OTHER, untold="it reads nothing that torch sees")
        >>> check_told([node], {Site.NORM})
    """
    for node in found:
        if node.untold and node.site in sites:
            raise CollectionError(
                f"The {type(node.module).__name__} '{node.name}' has no role, and no rule finds one: {node.untold}. "
                f"{HOW_TO_DECLARE}"
            )


def declare(module: M, role: Role) -> M:
    """Declares the role of a module and of its submodules without a declaration; returns the module.

    Raises:
        SpecError: If the role is unknown.

    Example:
        >>> head = declare(nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 2)), Role.HEAD)
        >>> [(node.name, node.site.value, node.role.value) for node in nodes(head)]
        [('0', 'norm', 'head'), ('1', 'linear', 'head')]
    """
    if role not in list(Role):
        raise SpecError(f"Unknown role '{role}'. {suggestion(str(role), list(Role))}")
    # Copies and pickles of the module keep the mark. It is not a parameter, so torch's __setattr__ is not needed.
    object.__setattr__(module, _ROLE_ATTRIBUTE, Role(role))
    return module


def nodes(model: nn.Module) -> list[Node]:
    """Lists the modules of a network that are nodes, in the order of their definition, from declarations only.

    In autoprox's families, the order of definition is the order of the forward pass.

    Raises:
        CollectionError: If a node has no declared role, on itself or on a module above it.

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
"""End of an error message about a role."""


def located(model: nn.Module) -> Iterator[tuple[str, nn.Module, Site, Role | None]]:
    """Yields name, module, site and declared role (or None) of every module that is a node, in the order of `nodes`.

    Raises:
        CollectionError: If a declared role is unknown.

    Example:
        >>> [(name, site.value, role) for name, _, site, role in located(nn.Sequential(nn.Linear(4, 2)))]
        [('0', 'linear', None)]
    """
    for name, module, role in _with_roles(model):
        site = site_of(module)
        if site is not None:
            yield name, module, site, role


def declared_roles(model: nn.Module) -> dict[str, Role | None]:
    """Returns the nearest declared role, on or above each module, by module name; None without a declaration.

    Raises:
        CollectionError: If a declared role is unknown.

    Example:
        >>> declared_roles(declare(nn.Sequential(nn.Linear(4, 2)), Role.HEAD))
        {'': <Role.HEAD: 'head'>, '0': <Role.HEAD: 'head'>}
    """
    return {name: role for name, _, role in _with_roles(model)}


def _with_roles(model: nn.Module) -> Iterator[tuple[str, nn.Module, Role | None]]:
    """Yields name, module and declared role of every module."""
    roles: dict[str, Role | None] = {}
    for name, module in model.named_modules():
        # A module is listed after its parent, so the role of the parent is known.
        role = roles.get(name.rpartition(".")[0]) if name else None
        mark = getattr(module, _ROLE_ATTRIBUTE, None)
        if mark is not None and type(mark) is not Role:
            role = _read_role(mark, name, module)
        elif mark is not None:
            role = mark
        roles[name] = role
        yield name, module, role


def _read_role(mark: str, name: str, module: nn.Module) -> Role:
    """Converts the declared name of a role."""
    if mark not in list(Role):
        raise CollectionError(f"The {type(module).__name__} '{name}' has an unknown role, {mark!r}. {HOW_TO_DECLARE}")
    return Role(mark)


def site_of(module: nn.Module) -> Site | None:
    """Returns the kind of node of a module, by its class or, for classes outside torch, by the name of its class.

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
    """Returns the site of a class, and True if it applies only to modules without submodules."""
    for kinds, site in _SITES:
        if issubclass(kind, kinds):
            return site, False
    for pattern, site in _NAMED_SITES:
        if pattern.fullmatch(kind.__name__):
            return site, True
    return None, False

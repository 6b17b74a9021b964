"""Nodes: the places in a network where statistics are computed, each with a site and a role.

A network may declare the roles of its parts (`declare`). For networks without declarations, or with attention or
activations as functions, `autoprox.inspect.find_nodes` derives nodes from a forward pass by the rules in
`autoprox.inspect.roles`.
"""

import re
from collections.abc import Container, Iterable
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


_CLASSES = {
    Site.LINEAR: r"Linear|Conv[123]d",
    Site.NORM: r"LayerNorm|RMSNorm|GroupNorm|_BatchNorm",
    Site.ACTIVATION: r"GELU|ReLU6?|LeakyReLU|PReLU|SiLU|Mish|S?ELU|CELU|Hardswish|Softplus",
    Site.ATTENTION: r"Softmax",
}
# Classes of torch, which include derived classes.
_LEAVES = {
    Site.LINEAR: r"Conv1D",
    Site.NORM: r"\w*(LayerNorm|RMSNorm|RmsNorm)(2d|Fp32)?",
    Site.ACTIVATION: r"\w*(GELU|Gelu|SiLU|Silu|Swish|ReLU|Relu|ReLUSquared|Mish)(Tanh)?(Activation)?(Me|Jit|JitMe)?",
}
# Full names of leaf modules in transformers (whose Conv1D has a transposed weight), timm.layers and code of users.


@dataclass(frozen=True, slots=True)
class Node:
    """A place where statistics are computed: a module or a function call.

    Args:
        name: Its qualified name in the network. A call is named `owner:function`, with a number from the second call
            on; a call with a parameter of its owner is named after the parameter.
        module: The module itself. For a call, a module outside the network with the parameters of the call.
        site: Kind of node.
        role: Part of the network.
        told: True if the role is declared or a rule finds it; otherwise it is OTHER.
        holder: For a call, the module with the calling forward pass, or with the parameter that identifies the call;
            None for a module that is called. A layer is its own holder if a function uses its weight, as in the last
            layer of torch's attention.
        attribute: Name of the weight in the holder or the module.
    """

    name: str
    module: nn.Module
    site: Site
    role: Role
    told: bool = True
    holder: nn.Module | None = None
    attribute: str = "weight"

    @property
    def owner(self) -> nn.Module:
        """Module of the network that it is, or that it belongs to.

        Example:
            >>> node = Node("fc", nn.Linear(2, 2), Site.LINEAR, Role.MLP)
            >>> node.owner is node.module
            True
        """
        return self.module if self.holder is None else self.holder


def check_told(found: Iterable[Node], sites: Container[Site]) -> None:
    """Checks that the roles of all nodes of some sites are known.

    Raises:
        CollectionError: If a role is neither declared nor found by a rule.

    Example:
        >>> node = Node("fc", nn.Linear(2, 2), Site.LINEAR, Role.OTHER, told=False)
        >>> check_told([node], {Site.NORM})
    """
    for node in found:
        if not node.told and node.site in sites:
            raise CollectionError(
                f"The {type(node.module).__name__} '{node.name}' has no role, and no rule finds one: {observed(node)}. "
                f"{HOW_TO_DECLARE}"
            )


def observed(node: Node) -> str:
    """Observation at a node whose role no rule tells.

    Example:
        >>> observed(Node("fc", nn.Linear(2, 2), Site.LINEAR, Role.OTHER, told=False))
        'its input comes from a function that torch does not see'
    """
    if node.site is Site.LINEAR:
        return "its input comes from a function that torch does not see"
    return "no function that torch sees uses its output"


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
    found = declared_nodes(model)
    for node in found:
        if not node.told:
            raise CollectionError(f"The {type(node.module).__name__} '{node.name}' has no role. {HOW_TO_DECLARE}")
    return found


HOW_TO_DECLARE = (
    "Call autoprox.inspect.nodes.declare(module, role), or set module.autoprox_role, on it or on a module above it; "
    f"roles: {', '.join(Role)}."
)
"""End of an error message about a role."""


def declared_nodes(model: nn.Module) -> list[Node]:
    """Lists the modules that are nodes, like `nodes`; without a declaration, the role is OTHER and not told.

    Raises:
        CollectionError: If a declared role is unknown.

    Example:
        >>> [(node.name, node.role.value, node.told) for node in declared_nodes(nn.Sequential(nn.Linear(4, 2)))]
        [('0', 'other', False)]
    """
    roles = declared_roles(model)
    return [
        Node(name, module, site, roles[name] or Role.OTHER, told=roles[name] is not None)
        for name, module in model.named_modules()
        if (site := site_of(module)) is not None
    ]


def declared_roles(model: nn.Module) -> dict[str, Role | None]:
    """Returns the nearest declared role, on or above each module, by module name; None without a declaration.

    Raises:
        CollectionError: If a declared role is unknown.

    Example:
        >>> declared_roles(declare(nn.Sequential(nn.Linear(4, 2)), Role.HEAD))
        {'': <Role.HEAD: 'head'>, '0': <Role.HEAD: 'head'>}
    """
    roles: dict[str, Role | None] = {}
    for name, module in model.named_modules():
        mark = getattr(module, _ROLE_ATTRIBUTE, None)
        if mark not in (None, *Role):
            kind = type(module).__name__
            raise CollectionError(f"The {kind} '{name}' has an unknown role, {mark!r}. {HOW_TO_DECLARE}")
        # A module is listed after its parent, so the role of the parent is known.
        roles[name] = roles.get(name.rpartition(".")[0]) if mark is None else Role(mark)
    return roles


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
    bases = [base.__name__ for base in kind.__mro__ if base.__module__.startswith("torch.nn.modules.")]
    for named, leaf in ((_CLASSES, False), (_LEAVES, True)):
        for site, names in named.items():
            if any(re.fullmatch(names, name) for name in ([kind.__name__] if leaf else bases)):
                return site, leaf
    return None, False

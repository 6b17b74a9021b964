"""Nodes of a network, as declared or as found in a forward pass."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from autoprox.base.errors import CollectionError
from autoprox.inspect._flow import trace
from autoprox.inspect.batch import checked_images, logits_of
from autoprox.inspect.calls import Flow
from autoprox.inspect.nodes import Node, Role, Site, declared_roles, located
from autoprox.inspect.preservation import preserved
from autoprox.inspect.roles import found_roles


def find_nodes(model: nn.Module, images: Callable[[Tensor], Tensor]) -> list[Node]:
    """Finds the nodes of any network, in the order of its forward pass.

    A network with all nodes declared, and with modules for every site, is not run: its nodes are its modules in the
    order of their definition. Any other network is run forward once and restored bit by bit. The forward pass shows
    attention, activations, normalisations and linear maps in functional form (`autoprox.inspect.functions`), including
    those inside torch's MultiheadAttention, and undeclared roles (see the rules in
    `autoprox.inspect.roles.found_roles`). Modules that are not called are nodes if they were declared, or if they have
    a separate weight; then their role is OTHER.

    A node without a matching rule has the role OTHER and states the observation: see
    `autoprox.inspect.nodes.check_told`.

    Args:
        model: The network.
        images: Returns the images for the forward pass, given a weight with their dtype and device.

    Raises:
        CollectionError: If the network fails on the images, or a declared role is unknown.

    Example:
        >>> import torch
        >>> layer = nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, batch_first=True)
        >>> model = nn.Sequential(nn.Unflatten(1, (4, 4)), nn.Linear(4, 8), layer, nn.Flatten(), nn.Linear(32, 3))
        >>> for node in find_nodes(model, lambda weight: torch.ones(2, 16, dtype=weight.dtype)):
        ...     print(node.name, node.site.value, node.role.value)
        1 linear embed
        2.self_attn.in_proj_weight linear attention
        2.self_attn:scaled_dot_product_attention attention attention
        2.self_attn.out_proj linear attention
        2.norm1 norm mlp
        2.linear1 linear mlp
        2:relu activation mlp
        2.linear2 linear mlp
        2.norm2 norm head
        4 linear head
    """
    return nodes_of(model, images, marked_flow, found_roles)


def marked_flow(model: nn.Module, images: Tensor) -> Flow:
    """Records a forward pass with the marks that identify roles and attention."""
    return trace(model, images, logits_of)


_Runner = Callable[[nn.Module, Tensor], Flow]
_Teller = Callable[[nn.Module, Flow], Mapping[str, Role | None]]


def nodes_of(model: nn.Module, images: Callable[[Tensor], Tensor], run: _Runner, tell_roles: _Teller) -> list[Node]:
    """Finds the nodes of any network, like `find_nodes`, with given functions for recording and for roles.

    Args:
        model: The network.
        images: As for `find_nodes`.
        run: Runs the network on the images and records the nodes that it calls.
        tell_roles: Maps a network and its forward pass to roles by node; it may omit nodes.

    Raises:
        CollectionError: If the network fails on the images.
    """
    modules = list(located(model))
    weight = _any_weight(model, modules)
    if weight is None or _says_all(model, modules):
        return [Node(name, module, site, role or Role.OTHER) for name, module, site, role in modules]
    return _traced(model, images(weight), modules, run, tell_roles)


def describe(model: nn.Module, images: Any) -> str:
    """Describes the nodes of a network, one per line: name, site, role, and the source of the role.

    The source is "declared", "detected" for a role found by a rule, or the observation if no rule matches.

    Args:
        model: Any network; it is restored bit by bit.
        images: A batch of its input, as for `autoprox.statistics.collect`.

    Raises:
        CollectionError: As for `find_nodes`.

    Example:
        >>> import torch
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 3), nn.Linear(3, 2))
        >>> print(describe(model, torch.ones(2, 1, 2, 2)))
        1  linear      embed  detected
        2  activation  embed  detected
        3  linear      mlp    detected
        4  linear      head   detected
    """
    found = find_nodes(model, lambda weight: checked_images(images, weight))
    declared = declared_roles(model)
    names = {id(module): name for name, module in model.named_modules()}
    rows = []
    for node in found:
        path = names.get(id(node.module if node.call is None or id(node.module) in names else node.call.owner), "")
        source = node.untold or ("detected" if declared[path] is None else "declared")
        rows.append((node.name, node.site.value, node.role.value, source))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


_Located = Sequence[tuple[str, nn.Module, Site, Role | None]]


def _says_all(model: nn.Module, modules: _Located) -> bool:
    """True if a network declares all its nodes."""
    sites = {site for _, _, site, _ in modules}
    roles = [role for _, _, _, role in modules]
    return (
        sites == set(Site)
        and None not in roles
        and not any(isinstance(each, nn.MultiheadAttention) for each in model.modules())
    )


def _any_weight(model: nn.Module, modules: _Located) -> Tensor | None:
    """Returns a weight with the device and dtype of the model: of its first linear layer, or any."""
    # Not through the attribute: reading a computed weight may change the weights behind it.
    layers = [module._parameters.get("weight") for _, module, site, _ in modules if site is Site.LINEAR]
    weights: list[Any] = [*layers, *model.parameters()]
    return next((each for each in weights if isinstance(each, Tensor) and each.is_floating_point()), None)


def _traced(model: nn.Module, images: Tensor, modules: _Located, run: _Runner, tell_roles: _Teller) -> list[Node]:
    """Returns the nodes of a forward pass, then the modules that it does not call."""
    try:
        with preserved(model):
            flow = run(model, images.clone())
    except CollectionError:
        raise
    except FAILURES as error:
        raise failed(model, images, "pass that finds nodes", error) from error
    roles = tell_roles(model, flow)
    steps = flow.steps.values()
    found = [
        Node(each.name, each.module, each.site, told or Role.OTHER, each.call, "" if told else _UNTOLD[each.site])
        for each in steps
        for told in [roles.get(each.name)]
    ]
    known = {id(node.module._parameters.get("weight")) for node in found if node.site is Site.LINEAR}
    return found + [
        Node(name, module, site, role or Role.OTHER)
        for name, module, site, role in modules
        # An undeclared softmax that is not multiplied with values is not attention, and a norm or activation that is
        # not called is not a node. A weight used under another name is a node already.
        if name not in flow.steps
        and (role or (site is Site.LINEAR and id(module._parameters.get("weight")) not in known))
    ]


_UNTOLD = dict.fromkeys(Site, "no function that torch sees uses its output") | {
    Site.LINEAR: "its input comes from a function that torch does not see"
}
"""Observation about a node without a matching rule."""


FAILURES = (RuntimeError, ValueError, IndexError, AssertionError)
"""Errors of networks on images that do not fit."""


def failed(model: nn.Module, images: Tensor, during: str, error: Exception) -> CollectionError:
    """Returns the error for a network that fails on images."""
    return CollectionError(
        f"The {type(model).__name__} failed on images of shape {tuple(images.shape)} and {images.dtype} ({during}): "
        f"{error}"
    )

"""Nodes of a network, as declared or as found in a forward pass."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from autoprox.base.errors import CollectionError
from autoprox.inspect._flow import trace
from autoprox.inspect.batch import checked_images, logits_of
from autoprox.inspect.nodes import Node, Role, Site, declared_nodes, declared_roles, observed
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
    return nodes_of(model, images, called_with_roles)


def called_with_roles(model: nn.Module, images: Tensor) -> list[Node]:
    """The nodes that a forward pass calls, with the roles that are declared or told."""
    flow = trace(model, images, logits_of)
    roles = found_roles(model, flow)
    return [
        replace(node, role=roles[name] or Role.OTHER, told=roles[name] is not None) for name, node in flow.nodes.items()
    ]


def called_with_attention(model: nn.Module, images: Tensor) -> list[Node]:
    """The nodes that a forward pass calls, attention among them, without their roles."""
    return list(trace(model, images, logits_of).nodes.values())


Look = Callable[[nn.Module, Tensor], list[Node]]
"""Runs a network on images, and gives the nodes that it calls."""


def nodes_of(model: nn.Module, images: Callable[[Tensor], Tensor], look: Look) -> list[Node]:
    """The nodes of any network, as `find_nodes`: those that a forward pass calls, then modules that it does not.

    Args:
        model: The network.
        images: As for `find_nodes`.
        look: Gives the nodes that it calls.

    Raises:
        CollectionError: If the network fails on the images.
    """
    modules = declared_nodes(model)
    # Not by the attribute: to look at a weight that is computed from others may change those.
    layers = [node.module._parameters.get("weight") for node in modules if node.site is Site.LINEAR]
    weight = next((w for w in (*layers, *model.parameters()) if w is not None and w.is_floating_point()), None)
    composed = any(isinstance(each, nn.MultiheadAttention) for each in model.modules())
    says_all = {node.site for node in modules} == set(Site) and all(node.told for node in modules) and not composed
    if weight is None or says_all:
        return modules
    batch = images(weight)
    with explained(model, batch, "pass that finds nodes"), preserved(model):
        found = look(model, batch.clone())
    names = {node.name for node in found}
    known = {id(node.module._parameters.get("weight")) for node in found if node.site is Site.LINEAR}
    # A softmax that no one declared, and that no values are multiplied with, is not an attention; a norm or an
    # activation that is not called is nothing. A weight that is used under another name is a node already.
    return found + [
        replace(node, told=True)
        for node in modules
        if node.name not in names
        and (node.told or (node.site is Site.LINEAR and id(node.module._parameters.get("weight")) not in known))
    ]


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
        source = "detected" if declared[names[id(node.owner)]] is None else "declared"
        rows.append((node.name, node.site.value, node.role.value, source if node.told else observed(node)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


FAILURES = (RuntimeError, ValueError, IndexError, AssertionError)
"""Errors of networks on images that do not fit."""


@contextmanager
def explained(model: nn.Module, images: Tensor, during: str) -> Iterator[None]:
    """Turns the failure of a network on images into one message."""
    try:
        yield
    except CollectionError:
        raise
    except FAILURES as error:
        raise CollectionError(
            f"The {type(model).__name__} failed on images of shape {tuple(images.shape)} and {images.dtype} ({during}):"
            f" {error}"
        ) from error

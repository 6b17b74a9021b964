"""Residual branches that start at zero: each block of a network is the identity before its first training step."""

import torch
from torch import nn

from autoprox.base.errors import SpecError
from autoprox.inspect.nodes import Role, Site, declared_roles, located

BRANCHES = (Role.ATTENTION, Role.MLP)
"""The roles of residual branches."""


@torch.no_grad()
def zero_residual_branches(network: nn.Module) -> None:
    """Sets the last linear map of each residual branch to zero, in place.

    A branch is a module that holds linear maps and is declared as attention or MLP, or lies highest under such a
    declaration. Its linear maps count in the order of their definition.

    Args:
        network: The network, which declares its branches.

    Raises:
        SpecError: If the network declares no branch.

    Example:
        >>> from autoprox.inspect.nodes import declare
        >>> branch = declare(nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4)), Role.MLP)
        >>> zero_residual_branches(branch)
        >>> branch(torch.ones(1, 4)).tolist()
        [[0.0, 0.0, 0.0, 0.0]]
    """
    last = {
        area: module
        for name, module, site, role in located(network)
        if site is Site.LINEAR and role in BRANCHES
        for area in [_declared_area(network, name)]
    }
    if not last:
        raise SpecError(
            f"Residual branches cannot start at zero: the {type(network).__name__} declares none of its modules as "
            "attention or MLP. Declare them by autoprox.inspect.nodes.declare(module, role), or leave "
            "`zero_residuals` out."
        )
    for module in last.values():
        for parameter in module.parameters(recurse=False):
            parameter.zero_()


def _declared_area(network: nn.Module, name: str) -> str:
    """The highest module above a node that still has the node's role by the same declaration."""
    roles = declared_roles(network)
    area = name
    while area:
        above = area.rpartition(".")[0]
        if roles[above] is not roles[name]:
            break
        area = above
        if not above:
            break
    return area

"""Residual branches that start at zero: each block of a network is the identity before its first training step."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from autoprox.base.errors import SpecError


@runtime_checkable
class HasResidualBranches(Protocol):
    """A module that adds branches to its input."""

    def residual_ends(self) -> Sequence[nn.Module]:
        """The last linear map of each residual branch."""
        ...


@torch.no_grad()
def zero_residual_branches(network: nn.Module) -> None:
    """Sets the last linear map of each residual branch to zero, in place.

    Args:
        network: The network, whose blocks have a method `residual_ends`.

    Raises:
        SpecError: If it has no such block.

    Example:
        >>> from autoprox.networks.blocks import TransformerBlock
        >>> block, tokens = TransformerBlock(width=4, heads=2, hidden=8), torch.ones(1, 3, 4)
        >>> zero_residual_branches(block)
        >>> torch.equal(block(tokens), tokens)
        True
    """
    holders = [module for module in network.modules() if isinstance(module, HasResidualBranches)]
    ends = [end for module in holders for end in module.residual_ends()]
    if not ends:
        raise SpecError(
            f"Residual branches cannot start at zero: no block of the {type(network).__name__} has a method "
            "`residual_ends` that returns the last linear map of each of its branches. Add it, or leave "
            "`zero_residuals` out."
        )
    for end in ends:
        for parameter in end.parameters():
            parameter.zero_()

"""Zero initialisation of residual branches: each block of a network starts as the identity."""

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
        network: A network with blocks that have a method `residual_ends`.

    Raises:
        SpecError: If no block has the method.

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
            "`residual_ends`, which returns the last linear map of each branch. Add the method, or omit "
            "`zero_residuals`."
        )
    for end in ends:
        for parameter in end.parameters():
            parameter.zero_()

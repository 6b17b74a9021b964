"""The feature maps of a network: outputs of its blocks of any class."""

from collections.abc import Sequence
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.errors import SpecError
from autoprox.networks.blocks import TransformerBlock

MOST_EXTRA_TOKENS = 2
"""Maximum number of tokens before those of the square map: a class token and a distillation token."""


def feature_map(output: Any) -> Tensor | None:
    """The output of a block as a map `(B, C, H, W)`; None if it is not a map.

    Args:
        output: A map, with channels first or last; or tokens `(B, N, C)` of a square map, possibly after extra tokens;
            or a tuple that starts with one of these.

    Example:
        >>> feature_map(torch.zeros(2, 17, 8)).shape, feature_map((torch.zeros(2, 8, 4, 4),)).shape
        (torch.Size([2, 8, 4, 4]), torch.Size([2, 8, 4, 4]))
        >>> feature_map(torch.zeros(2, 10)) is None
        True
    """
    first = output[0] if isinstance(output, tuple) and output else output
    if not isinstance(first, Tensor):
        return None
    if first.ndim == 4 and first.shape[2] == first.shape[3]:
        return first
    if first.ndim == 4 and first.shape[1] == first.shape[2]:
        return first.permute(0, 3, 1, 2)
    if first.ndim != 3:
        return None
    batch, count, width = first.shape
    grid = isqrt(count)
    extra = count - grid**2
    if extra > MOST_EXTRA_TOKENS:
        return None
    return first[:, extra:].transpose(1, 2).reshape(batch, width, grid, grid)


def blocks_of(network: nn.Module, images: Tensor) -> list[nn.Module]:
    """The blocks of a network, in the order of its forward pass.

    If the network has transformer blocks of autoprox, these are its blocks. Otherwise the blocks are all modules of one
    class, chosen among the classes that contain other modules and output maps. Repeated classes have priority, then
    classes with more parameters, then classes with more modules.

    Args:
        network: The network.
        images: A few images `(B, C, H, W)` for one forward pass.

    Raises:
        SpecError: If no such module outputs a map.
    """
    own: list[nn.Module] = [module for module in network.modules() if isinstance(module, TransformerBlock)]
    if own:
        return own
    groups: dict[type[nn.Module], list[nn.Module]] = {}
    for module in _with_maps(network, images):
        groups.setdefault(type(module), []).append(module)
    if not groups:
        raise SpecError(
            f"The {type(network).__name__} cannot be guided by a teacher: no module with submodules outputs a map "
            "(B, C, H, W), or the tokens (B, N, C) of a square map. Write its blocks as modules, or train without a "
            "teacher."
        )
    return max(groups.values(), key=lambda group: (len(group) > 1, _parameters(group), len(group)))


def _with_maps(network: nn.Module, images: Tensor) -> list[nn.Module]:
    called: dict[nn.Module, None] = {}

    def note(module: nn.Module, _arguments: object, output: Any) -> None:
        if feature_map(output) is not None:
            called[module] = None

    holders = [module for module in network.modules() if module is not network and next(module.children(), None)]
    hooks = [module.register_forward_hook(note) for module in holders]
    try:
        with torch.no_grad():
            network(images)
    finally:
        for hook in hooks:
            hook.remove()
    return list(called)


def _parameters(modules: Sequence[nn.Module]) -> int:
    held = {id(each): each.numel() for module in modules for each in module.parameters()}
    return sum(held.values())

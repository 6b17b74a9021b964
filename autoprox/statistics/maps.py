"""The feature maps of a network: outputs of its blocks of any class, and what they show of a batch.

The attention map of TVT (Wei 2023, https://arxiv.org/abs/2311.14337) and the relations of DisWOT (Dong 2023,
https://arxiv.org/abs/2303.15678) have the same shape for networks of any width, so that two networks can be compared.
"""

from collections.abc import Sequence
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from autoprox.base.digest import array_digest
from autoprox.base.errors import CollectionError, SpecError
from autoprox.inspect.finding import explained
from autoprox.inspect.preservation import preserved, use_batch_statistics
from autoprox.networks import Teacher
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


def block_maps(network: nn.Module, images: Tensor) -> list[Tensor]:
    """The outputs of the blocks of a network as maps `(B, C, H, W)`, detached; blocks without a map are skipped.

    Args:
        network: The network, in evaluation mode.
        images: The batch.

    Raises:
        SpecError: As for `blocks_of`.

    Example:
        >>> network = nn.Sequential(nn.Sequential(nn.Conv2d(1, 3, 3)))
        >>> [tuple(each.shape) for each in block_maps(network, torch.ones(2, 1, 5, 5))]
        [(2, 3, 3, 3)]
    """
    kept: dict[int, Tensor] = {}

    def keep(place: int, output: Any) -> None:
        found = feature_map(output)
        if found is not None:
            kept[place] = found.detach()

    hooks = [
        block.register_forward_hook(lambda _module, _given, output, place=place: keep(place, output))
        for place, block in enumerate(blocks_of(network, images))
    ]
    try:
        with torch.no_grad():
            network(images)
    finally:
        for hook in hooks:
            hook.remove()
    return [kept[place] for place in sorted(kept)]


def teacher_maps(teacher: Teacher, images: Tensor) -> list[Tensor]:
    """The feature maps `(B, C, H, W)` of the blocks of a teacher, which is unchanged afterwards.

    Args:
        teacher: The teacher.
        images: `(B, C, H, W)`; converted to the data type and device of the teacher.

    Raises:
        CollectionError: If it fails on the images, or has no blocks with maps.
    """
    given = images.to(next(teacher.model.parameters(), images))
    return teacher.remembered(("maps", array_digest(images.numpy(force=True))), lambda: _teacher_maps(teacher, given))


def attention_map(features: Tensor, grid: int) -> Tensor:
    """Mean of the squared features over channels, `(B, grid * grid)`, one vector of length 1 per image.

    Args:
        features: `(B, C, H, H)`; brought to the grid bilinearly if it is another one.
        grid: Side of the grid.

    Example:
        >>> attention_map(torch.tensor([[[[3.0]], [[1.0]]]]), 2).tolist()
        [[0.5, 0.5, 0.5, 0.5]]
    """
    if features.shape[-1] != grid:
        features = functional.interpolate(features, size=(grid, grid), mode="bilinear", align_corners=False)
    return functional.normalize(features.pow(2).mean(dim=1).flatten(1), dim=1)


def relations(rows: Tensor) -> Tensor:
    """Products of all pairs of rows, `(B, B)` in float64; each row of the result as a vector of length 1.

    Args:
        rows: `(B, ...)`, flattened; a row of zeros stays one.

    Example:
        >>> relations(torch.tensor([[1.0, 0.0], [0.0, 2.0]])).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    flat = rows.double().flatten(1)
    return functional.normalize(flat @ flat.T, dim=-1)


def _teacher_maps(teacher: Teacher, images: Tensor) -> list[Tensor]:
    with preserved(teacher.model), explained(teacher.model, images, "forward pass of the teacher"):
        use_batch_statistics(teacher.model)
        try:
            maps = block_maps(teacher.model, images)
        except SpecError:
            maps = []
    if not maps:
        raise CollectionError(
            f"The teacher '{teacher.name}' has no feature maps: none of its modules with submodules outputs a map "
            "(B, C, H, W), or the tokens (B, N, C) of a square map. Write its blocks as modules, or give another one."
        )
    return maps


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

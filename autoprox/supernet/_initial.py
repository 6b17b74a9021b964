"""Initial values of shared parameters, from the networks that cover a space."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from autoprox.base.digest import derived_seed
from autoprox.supernet._slots import Slot, slots_of


def initial_parameters(networks: Sequence[nn.Module], seed: int) -> dict[str, nn.Parameter]:
    """Shared parameters by name, with each value from the first network that has it.

    Args:
        networks: Networks with parameters that together contain those of all subnets.
        seed: Seed of values that no network has.

    Returns:
        Parameters; trainable if they are trainable in the networks.
    """
    slots = [slots_of(network) for network in networks]
    parameters = [dict(network.named_parameters()) for network in networks]
    shapes: dict[str, tuple[int, ...]] = {}
    trained: dict[str, bool] = {}
    for own, values in zip(slots, parameters, strict=True):
        for name, slot in own.items():
            known = shapes.get(slot.shared, slot.shape)
            shapes[slot.shared] = tuple(map(max, known, slot.shape)) if len(known) == len(slot.shape) else known
            trained.setdefault(slot.shared, values[name].requires_grad)
    found = {name: torch.full(shape, torch.nan) for name, shape in shapes.items()}
    for own, values in zip(slots, parameters, strict=True):
        for name, slot in own.items():
            _fill(found[slot.shared], slot, values[name].detach())
    return {
        name: nn.Parameter(_completed(value, derived_seed("supernet", seed, name)), requires_grad=trained[name])
        for name, value in found.items()
    }


def _fill(shared: Tensor, slot: Slot, value: Tensor) -> None:
    """Fills missing values of a shared parameter from one network's parameter."""
    if not slot.fits(tuple(shared.shape)):
        return
    places = torch.arange(shared.numel()).view(shared.shape)
    mine = slot.cut(places).flatten()
    flat = shared.view(-1)
    empty = flat[mine].isnan()
    flat[mine[empty]] = value.flatten()[empty]


def _completed(value: Tensor, seed: int) -> Tensor:
    """Draws the values that no network has, with mean and standard deviation of the others."""
    missing = value.isnan()
    if not missing.any():
        return value
    known = value[~missing]
    spread = float(known.std()) if known.numel() > 1 else 0.0
    generator = torch.Generator().manual_seed(seed % 2**63)
    drawn = torch.empty_like(value).normal_(0.0, 1.0, generator=generator) * spread + known.mean()
    return torch.where(missing, drawn, value)

"""From an architecture to a network: one family a file.

`nodes.py` says what a node is and which role it plays, `blocks.py` holds what families share. A family is a module with
a function `build(space, arch, num_classes, img_size, in_chans)`; its name is the `family` of the spaces that use it.
"""

from contextlib import nullcontext
from importlib import import_module

import torch
from torch import nn

from autoprox.base.errors import SpecError
from autoprox.spaces import AbstractSpace, Arch
from autoprox.spaces.base import is_whole

SEEDS = range(2**63)
"""The seeds that an initialisation takes."""


def build(space: AbstractSpace, arch: Arch, num_classes: int, img_size: int, in_chans: int, seed: int) -> nn.Module:
    """Builds a network with seeded parameters, in evaluation mode; `AbstractSpace.build` calls it with checked values.

    The parameters come from the CPU generator, whatever the default device is; all generators are left as they were.

    Raises:
        SpecError: If the seed is out of range.
    """
    if not is_whole(seed) or seed not in SEEDS:
        raise SpecError(f"The seed of an initialisation must be an integer from 0 to 2**63 - 1, not {seed!r}.")
    family = import_module(f"{__name__}.{space.family}")
    cpu = torch.device("cpu")
    # A device context slows every call inside it, so it is entered only where the default is another device.
    on_cpu = nullcontext() if torch.get_default_device() == cpu else cpu
    with torch.random.fork_rng(devices=[]), on_cpu:
        # Not torch.manual_seed, which would seed other devices too; `fork_rng` restores only this generator.
        torch.default_generator.manual_seed(int(seed))
        model: nn.Module = family.build(space, arch, num_classes, img_size, in_chans)
    return model.eval()


__all__ = ["SEEDS", "build"]

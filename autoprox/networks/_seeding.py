"""Fresh parameters that depend on their seed alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps

import torch
from torch import nn

from autoprox.base.errors import SpecError
from autoprox.base.numbers import is_whole
from autoprox.base.threads import ONE_AT_A_TIME
from autoprox.spaces.genes import Genes
from autoprox.spaces.space import Builder, Space
from autoprox.spaces.task import TaskShape

CPU = torch.device("cpu")
SEEDS = range(2**63)
"""The seeds that an initialisation takes."""


def seeded(build: Callable[[Space, Genes, TaskShape], nn.Module]) -> Builder:
    """Makes the builder of a space of a function that builds one network.

    The parameters come from the CPU generator, in single precision, whatever the default device or type is and whatever
    other threads build; all generators are left as they were. The network comes back in evaluation mode.
    """

    @wraps(build)
    def builder(space: Space, genes: Genes, task: TaskShape, seed: int) -> nn.Module:
        if not is_whole(seed) or seed not in SEEDS:
            raise SpecError(f"The seed of an initialisation must be an integer from 0 to 2**63 - 1, not {seed!r}.")
        with settled():
            # Not torch.manual_seed, which would seed other devices too; `fork_rng` restores only this generator.
            torch.default_generator.manual_seed(int(seed))
            return build(space, genes, task).eval()

    return builder


@contextmanager
def settled(device: torch.device = CPU) -> Iterator[None]:
    """Builds networks alike whatever was set before, and leaves all generators and settings as they were.

    Args:
        device: Where tensors are made unless their code says otherwise.
    """
    with ONE_AT_A_TIME, torch.random.fork_rng(devices=[]), torch.inference_mode(mode=False), torch.enable_grad():
        precision = torch.get_default_dtype()
        torch.set_default_dtype(torch.float32)
        try:
            # A device context slows every call inside it, so it is entered only where the default is another device.
            with nullcontext() if torch.get_default_device() == device else device:
                yield
        finally:
            torch.set_default_dtype(precision)

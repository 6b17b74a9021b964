"""Initial parameters that depend only on their seed."""

from collections.abc import Callable
from functools import wraps

from torch import nn

from autoprox.base.errors import SpecError
from autoprox.base.isolation import isolated
from autoprox.base.numbers import is_whole
from autoprox.spaces.genes import Genes
from autoprox.spaces.space import Builder, Space
from autoprox.spaces.task import TaskShape

SEEDS = range(2**63)
"""Allowed seeds of an initialisation."""


def seeded(build: Callable[[Space, Genes, TaskShape], nn.Module]) -> Builder:
    """Converts a function that builds one network to the builder of a space.

    Parameters are drawn from the CPU generator in single precision, independent of default device and dtype and of
    other threads; all generators are restored. The network is returned in evaluation mode.
    """

    @wraps(build)
    def builder(space: Space, genes: Genes, task: TaskShape, seed: int) -> nn.Module:
        if not is_whole(seed) or seed not in SEEDS:
            raise SpecError(f"The seed of an initialisation must be an integer from 0 to 2**63 - 1, not {seed!r}.")
        with isolated(seed=int(seed)):
            return build(space, genes, task).eval()

    return builder

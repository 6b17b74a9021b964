"""Call that makes a network: a class or a function, and its arguments."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from autoprox.base.errors import SpecError
from autoprox.base.references import resolved
from autoprox.spaces import Candidate, Space, TaskShape


@dataclass(frozen=True)
class Blueprint:
    """How a network is made, as something that can be written down.

    Args:
        definition: A class or function at the top of a module.
        arguments: What it is called with: values whose `repr` makes them again.

    Example:
        >>> Blueprint(nn.Linear, (4, 2)).build().out_features
        2
    """

    definition: Callable[..., nn.Module]
    arguments: tuple[Any, ...]

    def build(self) -> nn.Module:
        """Makes the network."""
        return self.definition(*self.arguments)


def blueprint_of(space: Space, arch: Candidate, task: TaskShape) -> Blueprint:
    """How the network of an architecture is made.

    A module that holds the function `build` of a space holds a function `blueprint` as well, which says so.

    Raises:
        SpecError: If the space does not allow the architecture or the task, or does not say how networks are made.

    Example:
        >>> import numpy as np
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("pit-micro")
        >>> blueprint_of(micro, micro.sample(np.random.default_rng(0)), TaskShape(10, 8, 1)).definition.__name__
        'PiTModel'
    """
    genes = space.genes(arch)
    space.check_task(*task)
    if not isinstance(space.builder, str):
        raise SpecError(f"The space '{space.name}' does not say what its networks are made by; name its builder.")
    found: Blueprint = resolved(f"{space.builder.rpartition(':')[0]}:blueprint")(space, genes, task)
    return found

"""Blueprints: the call that builds a network, as a class or function with its arguments."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from autoprox.base.errors import SpecError
from autoprox.base.references import resolved
from autoprox.spaces import Candidate, Space, TaskShape


@dataclass(frozen=True)
class Blueprint:
    """The call that builds a network, in a form that can be written as code.

    Args:
        definition: A class or function at the top of a module.
        arguments: Its arguments: values that their `repr` reproduces.

    Example:
        >>> Blueprint(nn.Linear, (4, 2)).build().out_features
        2
    """

    definition: Callable[..., nn.Module]
    arguments: tuple[Any, ...]

    def build(self) -> nn.Module:
        """Builds the network."""
        return self.definition(*self.arguments)


def blueprint_of(space: Space, arch: Candidate, task: TaskShape) -> Blueprint:
    """Returns the blueprint of an architecture's network.

    The module with the function `build` of a space also has a function `blueprint`, which is called here.

    Raises:
        SpecError: If the space does not allow the architecture or the task, or does not name its builder.

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
        raise SpecError(
            f"The space '{space.name}' does not name its builder; give `build` as a reference 'module:function'."
        )
    found: Blueprint = resolved(f"{space.builder.rpartition(':')[0]}:blueprint")(space, genes, task)
    return found

"""A network of the mixer family whose stages mix several poolings, by one vector of weights per stage."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from autoprox.base.isolation import isolated
from autoprox.inspect.nodes import Role, declare
from autoprox.networks import SpatialEnhancer
from autoprox.networks.mixer import MixerBlock
from autoprox.spaces import Arch, TaskShape
from autoprox.spaces.mixer import MixerSpace, distinct_enhancers


@dataclass(frozen=True, slots=True)
class StageMixture:
    """The mixtures of the blocks of a stage, which share their weights.

    Attributes:
        enhancers: One per block.
    """

    enhancers: tuple[SpatialEnhancer, ...]

    @property
    def ops(self) -> tuple[str, ...]:
        """All operations that the stage had at first."""
        return self.enhancers[0].names

    @property
    def alpha(self) -> nn.Parameter | None:
        """The weights before their softmax; None if only one operation differs from the others on its token map."""
        return self.enhancers[0].alpha

    @property
    def kept(self) -> tuple[str, ...]:
        """The operations that are left."""
        return self.enhancers[0].kept

    def keep(self, names: Sequence[str]) -> None:
        """Drops all other operations in every block."""
        for enhancer in self.enhancers:
            enhancer.keep(names)

    def probabilities(self) -> dict[str, float]:
        """Weight of each operation that is left."""
        return self.enhancers[0].probabilities()


def mixed_network(
    space: MixerSpace, arch: Arch, task: TaskShape, ops: Sequence[str], seed: int
) -> tuple[nn.Module, list[StageMixture]]:
    """Builds the network of an architecture with a mixture behind each mixer, in place of its own pooling.

    Operations that are equal on the token map of a stage occur once in its mixture.

    Args:
        space: The space.
        arch: The architecture.
        task: Classes and images.
        ops: Operations of the mixtures.
        seed: Seed of the fresh parameters.

    Returns:
        The network, and the mixtures of each stage.

    Raises:
        SpecError: If the space does not take the task.
    """
    network = space.build(arch, *task, seed=seed)
    blocks = iter([module for module in network.modules() if isinstance(module, MixerBlock)])
    mixtures = []
    with isolated(seed=seed):
        for stage in space.shape(arch, task.img_size).stages:
            found = distinct_enhancers(stage.grid, ops)
            enhancers = tuple(SpatialEnhancer(stage.width, stage.grid, found) for _ in range(stage.depth))
            for enhancer in enhancers:
                enhancer.alpha = enhancers[0].alpha
                next(blocks).enhancer = declare(enhancer, Role.MIXER)
            mixtures.append(StageMixture(enhancers))
    return network, mixtures

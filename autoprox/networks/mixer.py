"""The mixer family: PiT's stages and pooling, with attention or multi-kernel convolution in each stage.

Linear layers and convolutions keep torch's default initialisation, as in the PiT family.
"""

import torch
from torch import Tensor, nn

from autoprox.base.errors import SpecError
from autoprox.inspect.nodes import Role, declare
from autoprox.networks._blueprint import Blueprint
from autoprox.networks._mixers import MCA, SpatialEnhancer
from autoprox.networks._seeding import seeded
from autoprox.networks.blocks import MLP, NORM_EPS, Attention, init_normal
from autoprox.spaces.genes import Genes
from autoprox.spaces.mixer import MixerShape, MixerSpace, MixerStage
from autoprox.spaces.space import Space
from autoprox.spaces.task import TaskShape


class MixerBlock(nn.Module):
    """Pre-norm block: `x + enhancer(mixer(norm(x)))`, then `x + mlp(norm(x))`.

    Args:
        stage: Sizes of its stage.
    """

    def __init__(self, stage: MixerStage) -> None:
        super().__init__()
        width = stage.width
        role = Role.ATTENTION if stage.mixer == "attention" else Role.MIXER
        self.norm1 = declare(nn.LayerNorm(width, eps=NORM_EPS), role)
        self.mixer = declare(_mixer(stage), role)
        self.enhancer = declare(SpatialEnhancer(width, stage.grid, stage.enhancer), Role.MIXER)
        self.norm2 = declare(nn.LayerNorm(width, eps=NORM_EPS), Role.MLP)
        self.mlp = declare(MLP(width, stage.hidden), Role.MLP)

    def forward(self, x: Tensor) -> Tensor:
        """Maps tokens `(B, grid^2, width)` to tokens `(B, grid^2, width)`."""
        x = x + self.enhancer(self.mixer(self.norm1(x)))
        mixed: Tensor = x + self.mlp(self.norm2(x))
        return mixed

    def residual_ends(self) -> tuple[nn.Module, ...]:
        """The last linear map of each residual branch."""
        return self.mixer.reduce if isinstance(self.mixer, MCA) else self.mixer.proj, self.mlp.fc2


class MapPool(nn.Module):
    """Halves the token map and widens the tokens by a depth-wise convolution.

    Args:
        grid: Tokens along an edge before the pooling.
        width: Size of a token before the pooling.
        new_width: Size of a token after the pooling, a multiple of `width`.
    """

    def __init__(self, grid: int, width: int, new_width: int) -> None:
        super().__init__()
        self.grid = grid
        self.conv = nn.Conv2d(width, new_width, 3, stride=2, padding=1, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps tokens `(B, grid^2, width)` to tokens `(B, new_grid^2, new_width)`."""
        batch, _, width = x.shape
        pooled: Tensor = self.conv(x.transpose(1, 2).reshape(batch, width, self.grid, self.grid))
        return pooled.flatten(2).transpose(1, 2)


class MixerModel(nn.Module):
    """A network of the mixer family.

    Args:
        shape: All sizes of the network.
        num_classes: Number of classes.
        in_chans: Channels of the image.
    """

    def __init__(self, shape: MixerShape, num_classes: int, in_chans: int) -> None:
        super().__init__()
        first, last = shape.stages[0], shape.stages[-1]
        self.patch_embed = declare(nn.Conv2d(in_chans, first.width, shape.patch, stride=shape.stride), Role.EMBED)
        self.pos_embed = nn.Parameter(torch.zeros(1, first.width, first.grid, first.grid))
        self.body = nn.Sequential()
        for index, stage in enumerate(shape.stages):
            if index > 0:
                before = shape.stages[index - 1]
                self.body.append(declare(MapPool(before.grid, before.width, stage.width), Role.POOL))
            self.body.extend(MixerBlock(stage) for _ in range(stage.depth))
        self.norm = declare(nn.LayerNorm(last.width, eps=NORM_EPS), Role.HEAD)
        self.head = declare(nn.Linear(last.width, num_classes), Role.HEAD)
        init_normal(self.pos_embed)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images `(B, in_chans, img_size, img_size)` to logits `(B, num_classes)`."""
        x = (self.patch_embed(images) + self.pos_embed).flatten(2).transpose(1, 2)
        logits: Tensor = self.head(self.norm(self.body(x)).mean(dim=1))
        return logits


def _mixer(stage: MixerStage) -> MCA | Attention:
    if stage.mixer == "mca":
        return MCA(stage.width, stage.grid, stage.kernels, stage.expand)
    return Attention(stage.width, stage.heads)


def blueprint(space: Space, genes: Genes, task: TaskShape) -> Blueprint:
    """Returns the blueprint for allowed genes.

    Raises:
        SpecError: If the space is of another family.
    """
    if not isinstance(space, MixerSpace):
        raise SpecError(f"The space '{space.name}' is not of the mixer family.")
    return Blueprint(MixerModel, (space.shape(genes, task.img_size), task.num_classes, task.in_chans))


@seeded
def build(space: Space, genes: Genes, task: TaskShape) -> nn.Module:
    """Builds the network of allowed genes; use `Space.build`, which checks them.

    Example:
        >>> import numpy as np
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("mixer-micro")
        >>> genes = micro.sample(np.random.default_rng(0)).genes
        >>> model = build(micro, genes, TaskShape(num_classes=10, img_size=8, in_chans=1), seed=0)
        >>> model(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 10])
    """
    return blueprint(space, genes, task).build()

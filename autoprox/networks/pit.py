"""The PiT family (Heo 2021, https://arxiv.org/abs/2103.16302).

Overlapping patches, three stages of pre-norm blocks, and between them a pooling: a depth-wise convolution on the map of
patch tokens and a linear layer on the class token. The classifier reads the class token after a normalisation. Linear
layers and convolutions keep torch's default initialisation, as in the published code.
"""

import torch
from torch import Tensor, nn

from autoprox.base.errors import SpecError
from autoprox.inspect.nodes import Role, declare
from autoprox.networks._blueprint import Blueprint
from autoprox.networks._seeding import seeded
from autoprox.networks.blocks import NORM_EPS, TransformerBlock, init_normal
from autoprox.spaces.genes import Genes
from autoprox.spaces.pit import PiT, PiTShape
from autoprox.spaces.space import Space
from autoprox.spaces.task import TaskShape


class Pool(nn.Module):
    """Halves the token map and widens the tokens.

    Args:
        grid: Tokens along an edge before the pooling.
        width: Size of a token before the pooling.
        new_width: Size of a token after the pooling, a multiple of `width`.
    """

    def __init__(self, grid: int, width: int, new_width: int) -> None:
        super().__init__()
        self.grid = grid
        self.conv = nn.Conv2d(width, new_width, 3, stride=2, padding=1, groups=width)
        self.fc = nn.Linear(width, new_width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps tokens `(B, 1 + grid^2, width)` to tokens `(B, 1 + new_grid^2, new_width)`, class token first."""
        batch, _, width = x.shape
        token_map = x[:, 1:].transpose(1, 2).reshape(batch, width, self.grid, self.grid)
        patches = self.conv(token_map).flatten(2).transpose(1, 2)
        return torch.cat((self.fc(x[:, :1]), patches), dim=1)


class PiTModel(nn.Module):
    """A network of the PiT family.

    Args:
        shape: All sizes of the network.
        num_classes: Number of classes.
        in_chans: Channels of the image.

    Attributes:
        elastic_names: Names of blocks and poolings that do not depend on the depths of earlier stages.
    """

    def __init__(self, shape: PiTShape, num_classes: int, in_chans: int) -> None:
        super().__init__()
        first, last = shape.stages[0], shape.stages[-1]
        self.patch_embed = declare(nn.Conv2d(in_chans, first.width, shape.patch, stride=shape.stride), Role.EMBED)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, first.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, first.width, first.grid, first.grid))
        self.body = nn.Sequential()
        self.elastic_names: dict[str, str] = {}
        for index, stage in enumerate(shape.stages):
            if index > 0:
                before = shape.stages[index - 1]
                self.elastic_names[f"body.{len(self.body)}"] = f"pools.{index}"
                self.body.append(declare(Pool(before.grid, before.width, stage.width), Role.POOL))
            for layer in range(len(stage.layers)):
                self.elastic_names[f"body.{len(self.body) + layer}"] = f"stages.{index}.{layer}"
            self.body.extend(TransformerBlock(layer.width, layer.heads, layer.hidden) for layer in stage.layers)
        self.norm = declare(nn.LayerNorm(last.width, eps=NORM_EPS), Role.HEAD)
        self.head = declare(nn.Linear(last.width, num_classes), Role.HEAD)
        init_normal(self.pos_embed)
        init_normal(self.cls_token)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images `(B, in_chans, img_size, img_size)` to logits `(B, num_classes)`."""
        patches = (self.patch_embed(images) + self.pos_embed).flatten(2).transpose(1, 2)  # (B, grid^2, width)
        x = torch.cat((self.cls_token.expand(images.shape[0], -1, -1), patches), dim=1)
        logits: Tensor = self.head(self.norm(self.body(x)[:, 0]))
        return logits


@seeded
def build(space: Space, genes: Genes, task: TaskShape) -> nn.Module:
    """Builds the network of allowed genes; use `Space.build`, which checks them.

    Example:
        >>> import numpy as np
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("pit-micro")
        >>> genes = micro.sample(np.random.default_rng(0)).genes
        >>> model = build(micro, genes, TaskShape(num_classes=10, img_size=8, in_chans=1), seed=0)
        >>> model(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 10])
    """
    return blueprint(space, genes, task).build()


def blueprint(space: Space, genes: Genes, task: TaskShape) -> Blueprint:
    """Returns the blueprint for allowed genes.

    Raises:
        SpecError: If the space is of another family.
    """
    if not isinstance(space, PiT):
        raise SpecError(f"The space '{space.name}' is not of the PiT family.")
    return Blueprint(PiTModel, (space.shape(genes, task.img_size), task.num_classes, task.in_chans))

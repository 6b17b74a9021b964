"""The AutoFormer family (Chen 2021, https://arxiv.org/abs/2107.00651).

A plain vision transformer: patches by a convolution, a class token and learned absolute positions, pre-norm blocks with
individual heads and MLP ratio, and a classifier on the mean of the normalised patch tokens. As in the published code,
the class token participates in attention but not in the mean.
"""

import torch
from torch import Tensor, nn

from autoprox.base.errors import SpecError
from autoprox.inspect.nodes import Role, declare
from autoprox.networks._blueprint import Blueprint
from autoprox.networks._seeding import seeded
from autoprox.networks.blocks import NORM_EPS, TransformerBlock, init_normal
from autoprox.spaces.autoformer import AutoFormer, AutoFormerShape
from autoprox.spaces.genes import Genes
from autoprox.spaces.space import Space
from autoprox.spaces.task import TaskShape


class AutoFormerModel(nn.Module):
    """A network of the AutoFormer family.

    Args:
        shape: All sizes of the network.
        num_classes: Number of classes.
        in_chans: Channels of the image.
        drop_path: Probability of dropping the branches of the last block in training; it rises linearly from 0 at the
            first.
        init_std: Standard deviation of the weights of linear layers; None for torch's default initialisation.
    """

    def __init__(
        self, shape: AutoFormerShape, num_classes: int, in_chans: int, drop_path: float, init_std: float | None
    ) -> None:
        super().__init__()
        width = shape.width
        self.patch_embed = declare(nn.Conv2d(in_chans, width, shape.patch, stride=shape.patch), Role.EMBED)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, shape.tokens, width))
        rates = torch.linspace(0, drop_path, len(shape.layers)).tolist()
        self.blocks = nn.ModuleList(
            TransformerBlock(width, layer.heads, layer.hidden, rate)
            for layer, rate in zip(shape.layers, rates, strict=True)
        )
        self.norm = declare(nn.LayerNorm(width, eps=NORM_EPS), Role.HEAD)
        self.head = declare(nn.Linear(width, num_classes), Role.HEAD)
        init_normal(self.pos_embed)
        init_normal(self.cls_token)
        if init_std is not None:
            self._init_linear(init_std)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images `(B, in_chans, img_size, img_size)` to logits `(B, num_classes)`."""
        patches = self.patch_embed(images).flatten(2).transpose(1, 2)  # (B, grid^2, width)
        x = torch.cat((self.cls_token.expand(images.shape[0], -1, -1), patches), dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x)[:, 1:].mean(dim=1))
        return logits

    def _init_linear(self, std: float) -> None:
        """Sets normal weights and zero biases in linear layers, as published; the convolution keeps torch's default."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                init_normal(module.weight, std)
                nn.init.zeros_(module.bias)


@seeded
def build(space: Space, genes: Genes, task: TaskShape) -> nn.Module:
    """Builds the network of allowed genes; use `Space.build`, which checks them.

    Example:
        >>> import numpy as np
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("autoformer-micro")
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
    if not isinstance(space, AutoFormer):
        raise SpecError(f"The space '{space.name}' is not of the AutoFormer family.")
    shape = space.shape(genes, task.img_size)
    return Blueprint(AutoFormerModel, (shape, task.num_classes, task.in_chans, space.drop_path, space.init_std))

"""Convolutional teachers of subnets: residual networks of three stages, elastic in width and depth."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from autoprox.networks import define_space
from autoprox.spaces import Gene, Space, TaskShape
from autoprox.training import ResidualBlock

WIDTHS, DEPTHS, STAGES = (8, 12, 16), (1, 2), 3


class ElasticResNet(nn.Module):
    """A residual network whose stages are named alike whatever their depth.

    Args:
        genes: `width`, channels of the first stage, of which the others have two and four times as many; `depth`,
            blocks of each stage.
        task: Classes and images.
    """

    def __init__(self, genes: Mapping[str, Any], task: TaskShape) -> None:
        super().__init__()
        width = genes["width"]
        convolution = nn.Conv2d(task.in_chans, width, 3, padding=1, bias=False)
        self.stem = nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())
        self.stages = nn.ModuleList()
        for stage, depth in enumerate(genes["depth"]):
            before, own = width * 2 ** max(stage - 1, 0), width * 2**stage
            first = ResidualBlock(before, own, 1 if stage == 0 else 2)
            self.stages.append(nn.Sequential(first, *(ResidualBlock(own, own, 1) for _ in range(depth - 1))))
        self.head = nn.Linear(width * 2 ** (STAGES - 1), task.num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images `(B, in_chans, H, W)` to logits `(B, num_classes)`."""
        x = self.stem(images)
        for stage in self.stages:
            x = stage(x)
        logits: Tensor = self.head(x.mean(dim=(2, 3)))
        return logits


def teacher_space(task: TaskShape) -> Space:
    """The space of the teachers of a task.

    Example:
        >>> [gene.name for gene in teacher_space(TaskShape(10, 8, 1)).layout.genes]
        ['width', 'depth']
    """
    genes = [Gene("width", WIDTHS), Gene("depth", DEPTHS, along=STAGES)]
    return define_space("teachers", genes, ElasticResNet, img_sizes=[task.img_size])

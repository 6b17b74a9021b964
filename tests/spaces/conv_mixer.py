"""A space as a user writes one: convolutional mixers, without attention and without LayerNorm."""

from torch import nn

import autoprox
from autoprox.spaces import Gene, Length


class Mixer(nn.Module):
    def __init__(self, width: int, kernel: int, kind: str) -> None:
        super().__init__()
        groups = {"depthwise": width, "grouped": 2}[kind]
        self.mix = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=groups)
        self.norm, self.act, self.point = nn.BatchNorm2d(width), nn.GELU(), nn.Conv2d(width, width, 1)

    def forward(self, x):
        return x + self.point(self.act(self.norm(self.mix(x))))


def build(genes, task):
    layers, before = [], task.in_chans
    for depth, width, kernel in zip(genes["depth"], genes["width"], genes["kernel"], strict=True):
        layers += [nn.Conv2d(before, width, 2, stride=2), *(Mixer(width, kernel, genes["mixer"]) for _ in range(depth))]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, task.num_classes))


GENES = [
    Gene("depth", [1, 2, 3], along=2),
    Gene("width", [8, 12, 16, 24], along=Length("depth")),
    Gene("kernel", [3, 5], along=Length("depth")),
    Gene("mixer", ["depthwise", "grouped"]),
]
space = autoprox.define_space("conv-mixer", GENES, build, img_sizes=[8, 16, 28])

"""A space of twelve architectures, each of two linear maps."""

from torch import nn

import autoprox
from autoprox.spaces import Gene


def build(genes, task):
    inputs = task.in_chans * task.img_size**2
    return nn.Sequential(
        nn.Flatten(), nn.Linear(inputs, genes["width"]), nn.GELU(), nn.Linear(genes["width"], task.num_classes)
    )


space = autoprox.define_space("twelve", [Gene("width", range(4, 16))], build, img_sizes=[8])

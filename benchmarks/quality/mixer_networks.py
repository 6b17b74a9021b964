"""Networks of three stages that differ in their mixer, or in the pooling behind it, at equal cost.

Each stage has one block. The width and the MLP of each stage are chosen so that parameters and multiply-accumulates are
within 1 % of a target, and so that the hidden layers of the MLPs are as close as possible to twice the width.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.base.isolation import isolated
from autoprox.networks import MCA
from autoprox.networks.measuring import parameters_and_macs
from autoprox.networks.mixer import MixerBlock, MixerModel
from autoprox.spaces import TaskShape
from autoprox.spaces.mixer import ENHANCERS, GROWTH, HEADS, MixerShape, MixerStage
from autoprox.spaces.pit import first_grid, micro_stride, pooled

PARAMS = 40_000
MACS = {"digits": 320_000, "mnist5k": 260_000, "patches": 350_000}
"""Targets: between what attention and what MCA costs with one ratio of the MLPs in all stages."""
TOLERANCE = 0.01
RATIO = 2
RATIOS = np.geomspace(0.4, 6, 64)
WIDTHS = range(8, 25, 2)


@dataclass(frozen=True)
class Variant:
    """A mixer with the pooling behind it, the same in all stages.

    Attributes:
        name: Name in tables.
        mixer: `attention`, `mca`, or `none` for a branch that adds nothing.
        kernels: Kernels, if the mixer is convolutional.
        expand: Its expanded channels, divided by the width.
        gate: False for no gate.
        enhancer: The pooling.
    """

    name: str
    mixer: str
    kernels: tuple[int, ...] = (3, 5, 7)
    expand: int = 2
    gate: bool = True
    enhancer: str = "skip"


MIXERS = (
    Variant("attention", "attention"),
    Variant("MCA", "mca"),
    Variant("MCA without gate", "mca", gate=False),
    Variant("MCA, kernel 3 alone", "mca", (3,)),
    Variant("MCA, kernel 3 alone, without gate", "mca", (3,), gate=False),
    Variant("no mixer", "none"),
    Variant("MCA without expansion", "mca", expand=1),
)
POOLED = tuple(
    replace(mixer, name=f"{mixer.name} + {enhancer}", enhancer=enhancer)
    for mixer in MIXERS[:2]
    for enhancer in ENHANCERS[1:]
)


class Nothing(nn.Module):
    """A mixer whose branch adds nothing."""

    def forward(self, x: Tensor) -> Tensor:
        """Maps anything to zeros of its shape."""
        return torch.zeros_like(x)


def shape_of(variant: Variant, width: int, hidden: tuple[int, ...], img_size: int) -> MixerShape:
    """All sizes of a network."""
    stride = micro_stride(img_size)
    grid, stages = first_grid(img_size, stride), []
    kind = "attention" if variant.mixer == "attention" else "mca"
    for growth, heads, size in zip(GROWTH, HEADS, hidden, strict=True):
        sizes = (grid, 1, width * growth, heads, size)
        stages.append(MixerStage(*sizes, kind, variant.kernels, variant.expand, variant.enhancer))
        grid = pooled(grid)
    return MixerShape(2 * stride, stride, tuple(stages))


def network(variant: Variant, shape: MixerShape, task: TaskShape, seed: int) -> nn.Module:
    """A network with fresh parameters."""
    with isolated(seed=seed):
        model = MixerModel(shape, task.num_classes, task.in_chans)
        for block, stage in zip(blocks(model), shape.stages, strict=True):
            if variant.mixer == "none":
                block.mixer = Nothing()
            elif variant.mixer == "mca" and not variant.gate:
                block.mixer = MCA(stage.width, stage.grid, stage.kernels, stage.expand, gate=False)
    return model


def blocks(model: nn.Module) -> list[MixerBlock]:
    """The blocks of a network, in the order of the forward pass."""
    return [module for module in model.modules() if isinstance(module, MixerBlock)]


def cost(variant: Variant, shape: MixerShape, task: TaskShape) -> tuple[int, int]:
    """Parameters and multiply-accumulates, counted in the network."""
    with torch.device("meta"):
        return parameters_and_macs(network(variant, shape, task, 0), task)


def matched(variant: Variant, task: TaskShape, params: int, macs: int) -> MixerShape:
    """The sizes of a variant at a target of parameters and multiply-accumulates.

    Both are linear in the hidden sizes, so that one network per width is counted. The hidden size of the last stage
    follows from the others and the parameters.
    """
    first, second = (each.ravel() for each in np.meshgrid(RATIOS, RATIOS))
    found: list[tuple[float, MixerShape]] = []
    for width in WIDTHS:
        widths = width * np.array(GROWTH)
        start = shape_of(variant, width, tuple(RATIO * widths), task.img_size)
        tokens = np.array([stage.tokens for stage in start.stages])
        own_params, own_macs = cost(variant, start, task)
        more = np.rint(np.stack((first, second)) * widths[:2, None]) - RATIO * widths[:2, None]
        last = np.rint((params - own_params - (2 * widths[:2] + 1) @ more) / (2 * widths[2] + 1))
        more = np.concatenate((more, last[None]))
        hidden = RATIO * widths[:, None] + more
        off_params = (own_params + (2 * widths + 1) @ more) / params - 1
        off_macs = (own_macs + (2 * widths * tokens) @ more) / macs - 1
        near = (abs(off_params) < TOLERANCE) & (abs(off_macs) < TOLERANCE) & (hidden[2] >= RATIOS[0] * widths[2])
        if near.any():
            unlike = (np.log(hidden[:, near] / (RATIO * widths[:, None])) ** 2).sum(axis=0)
            sizes = tuple(map(int, hidden[:, near][:, unlike.argmin()]))
            found.append((float(unlike.min()), shape_of(variant, width, sizes, task.img_size)))
    return min(found, key=lambda each: each[0])[1]

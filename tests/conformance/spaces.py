"""The spaces that the suites of this folder are tried on: registered ones, and spaces as users write them.

A new space is taken up by its registration. The laws themselves stand in `autoprox.testing`, where users inherit them.
"""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from torch import nn

import autoprox
from autoprox.spaces import SPACES, Gene, Length, Space, Total
from tests.spaces import conv_mixer


def perceptron(genes, task):
    """Layers of the widths that the genes name, whatever their lists are along."""
    widths = genes.get("widths") or [genes.get("width", 8)] * genes.get("depth", 1)
    sizes = [task.in_chans * task.img_size**2, *(each if isinstance(each, int) else each[0] for each in widths)]
    layers = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), {"relu": nn.ReLU, "gelu": nn.GELU}[genes.get("act", "gelu")]()]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(sizes[-1], task.num_classes))


def without_depth(genes, task):
    return perceptron({name: value for name, value in genes.items() if name != "depth"}, task)


class LowRank(nn.Sequential):
    """A linear map through a bottleneck, or a plain one where the rank is 0."""

    def __init__(self, before, after, rank):
        thin = [nn.Linear(before, rank, bias=False), nn.Linear(rank, after)] if rank else []
        super().__init__(*(thin or [nn.Linear(before, after)]))


def maps(genes):
    """Two linear maps for each layer."""
    return 2 * sum(genes["depth"])


def factorised(genes, task):
    """Stages of residual blocks, each block of two maps with a rank of their own."""
    layers, before, ranks = [nn.Flatten()], task.in_chans * task.img_size**2, iter(genes["ranks"])
    activations = iter(genes["act"])
    for depth, width in zip(genes["depth"], genes["width"], strict=True):
        layers.append(nn.Linear(before, width))
        for _ in range(depth):
            act = {"relu": nn.ReLU, "gelu": nn.GELU}[next(activations)]()
            layers += [LowRank(width, 2 * width, next(ranks)), act, LowRank(2 * width, width, next(ranks))]
        before = width
    return nn.Sequential(*layers, nn.Linear(before, task.num_classes))


def even(genes):
    return sum(genes["widths"]) % 16 == 0 or "the widths add up to no multiple of 16"


def doubled(genes):
    return 2 * genes["depth"]


LAYERED = autoprox.define_space(
    "layered",
    [
        Gene("stages", (1, 2)),
        Gene("depth", (1, 2), along="stages"),
        Gene("width", (4, 8, 12), along="stages"),
        Gene("act", ("relu", "gelu"), along=Total("depth")),
        Gene("ranks", (0, 1, 2), along=maps),
    ],
    factorised,
    img_sizes=[8],
)
"""Genes along stages, along layers and along linear maps; no attention and no normalisation at all."""

DEGENERATE = {
    "twelve": [Gene("width", range(4, 16))],
    "no-depth": [Gene("width", (4, 8)), Gene("act", ("relu", "gelu"))],
    "one-stage": [Gene("depth", (1, 2), along=1), Gene("widths", (4, 8), along=Total("depth"))],
    "one-size": [Gene("act", ("relu", "gelu"))],
    "one-choice": [Gene("width", (8,)), Gene("depth", (1, 2, 3))],
    "nested": [
        Gene("stages", (1, 2)),
        Gene("depth", (1, 2), along="stages"),
        Gene("rates", (0.5, 1.0), along=Length("depth")),
        Gene("widths", (4, 8), along=Total("depth")),
    ],
    "by-function": [Gene("depth", (1, 2)), Gene("widths", ((4, "a"), (8, "b")), along=doubled)],
}


def build(genes, task):
    return (without_depth if isinstance(genes.get("depth"), list) else perceptron)(genes, task)


WIDTHS = [Gene("depth", (1, 2)), Gene("widths", (4, 8, 12), along="depth")]
USERS = {"conv-mixer": conv_mixer.space, "layered": LAYERED}
"""What a user may write, far from a transformer."""
ODD = {name: autoprox.define_space(name, genes, build, img_sizes=[8]) for name, genes in DEGENERATE.items()} | {
    "predicate": autoprox.define_space("predicate", WIDTHS, perceptron, img_sizes=[8], valid=even)
}
"""Degenerate in every way that is allowed."""
REGISTERED = dict(SPACES.items())
ATTENDING = {name: space for name, space in SPACES.items() if all(gene.name != "mixer" for gene in space.layout.genes)}
"""Those whose every block attends."""
MICRO = {name: space for name, space in SPACES.items() if space.default_img_size <= 32}


def on(spaces: Iterable[Space]):
    """A fixture that gives the laws of a class each of these spaces."""

    @pytest.fixture(autouse=True, params=list(spaces), ids=lambda space: space.name)
    def space_given(self, request):
        self.space = request.param

    return space_given

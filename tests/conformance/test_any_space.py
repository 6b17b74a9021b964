"""The laws of spaces, on spaces as users write them: convolutional, and degenerate in every way that is allowed."""

from itertools import pairwise

import pytest
from torch import nn

import autoprox
from autoprox.spaces import Gene, Length, Total
from autoprox.testing import SpaceLaws
from tests.spaces import conv_mixer


def perceptron(genes, task):
    """Layers of the widths that the genes name, whatever their lists are along."""
    widths = genes.get("widths") or [genes.get("width", 8)] * genes.get("depth", 1)
    sizes = [task.in_chans * task.img_size**2, *(each if isinstance(each, int) else each[0] for each in widths)]
    layers = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), {"relu": nn.ReLU, "gelu": nn.GELU}[genes.get("act", "gelu")]()]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(sizes[-1], task.num_classes))


def even(genes):
    return sum(genes["widths"]) % 16 == 0 or "the widths add up to no multiple of 16"


def doubled(genes):
    return 2 * genes["depth"]


DEGENERATE = {
    "twelve": [Gene("width", range(4, 16))],
    "no-depth": [Gene("width", (4, 8)), Gene("act", ("relu", "gelu"))],
    "one-stage": [Gene("depth", (1, 2), along=1), Gene("widths", (4, 8), along=Total("depth"))],
    "one-size": [Gene("act", ("relu", "gelu"))],
    "one-choice": [Gene("width", (8,)), Gene("depth", (1, 2, 3))],
    "nested": [
        Gene("stages", (1, 2)),
        Gene("depth", (1, 2, 3), along="stages"),
        Gene("rates", (0.5, 1.0), along=Length("depth")),
        Gene("widths", (4, 8), along=Total("depth")),
    ],
    "by-function": [Gene("depth", (1, 2)), Gene("widths", ((4, "a"), (8, "b")), along=doubled)],
}


def build(genes, task):
    if isinstance(genes.get("depth"), list):
        genes = {name: value for name, value in genes.items() if name != "depth"}
    return perceptron(genes, task)


SPACES = {name: autoprox.define_space(name, genes, build, img_sizes=[8]) for name, genes in DEGENERATE.items()}
WIDTHS = [Gene("depth", (1, 2)), Gene("widths", (4, 8, 12), along="depth")]
SPACES["predicate"] = autoprox.define_space("predicate", WIDTHS, perceptron, img_sizes=[8], valid=even)
SPACES["conv-mixer"], SPACES["pit-micro"] = conv_mixer.space, autoprox.space("pit-micro")
LAWS = sorted(name for name in dir(SpaceLaws) if name.startswith("test_"))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", SPACES)
def test_law(name, law):
    laws = type("Laws", (SpaceLaws,), {"space": SPACES[name]})
    getattr(laws(), law)()

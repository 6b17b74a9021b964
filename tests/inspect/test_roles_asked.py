"""A proxy requires only the parts that it reads: an unusual part elsewhere does not matter."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import autoprox
from autoprox.base.errors import UndefinedScoreError
from autoprox.graph import Proxy, parse
from autoprox.inspect import describe
from autoprox.scorers import score_together

CLASSES = 5
REL = 1e-4


def images():
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1)), torch.arange(4)


class Around(nn.Module):
    """Patches, a body that takes tokens `(B, 16, 12)`, and a classifier."""

    def __init__(self, body):
        super().__init__()
        self.stem, self.body, self.head = nn.Conv2d(3, 12, 4, 4), body, nn.Linear(12, CLASSES)

    def forward(self, x):
        return self.head(self.body(self.stem(x).flatten(2).mT).mean(1))


class Biased(nn.Module):
    """Attention with a bias that a small MLP makes of the distances of tokens."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(12, 36), nn.Linear(12, 12)
        self.bias = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 1))
        place = torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0))
        self.register_buffer("distance", place[:, None] - place[None])

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        return x + self.out((q @ k.mT / 12**0.5 + self.bias(self.distance)[..., 0]).softmax(-1) @ v)


class NormAct(nn.GroupNorm):
    """A normalisation that holds its activation."""

    def __init__(self):
        super().__init__(2, 12)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(super().forward(x.mT)).mT


class WithSpare(nn.Module):
    """Holds a normalisation and a linear layer that nothing calls."""

    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12))
        self.unused_norm, self.unused = nn.LayerNorm(12), nn.Linear(12, 12)

    def forward(self, x):
        return x + self.mlp(x)


class Tied(nn.Module):
    """Two attentions of torch that share all of their parameters."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.MultiheadAttention(12, 2, batch_first=True) for _ in range(2))
        for name in ("in_proj_weight", "in_proj_bias"):
            setattr(self.second, name, getattr(self.first, name))
        self.second.out_proj.weight, self.second.out_proj.bias = self.first.out_proj.weight, self.first.out_proj.bias

    def forward(self, x):
        x = x + self.first(x, x, x)[0]
        return x + self.second(x, x, x)[0]


BODIES = {"coordinates": Biased, "norm-act": NormAct, "spare": WithSpare, "tied": Tied}


def net(name):
    torch.manual_seed(0)
    return Around(BODIES[name]())


def weights(model):
    """The distinct matrices and kernels of a model."""
    return [each for each in model.parameters() if each.ndim > 1]


@pytest.mark.parametrize("name", BODIES)
def test_scores_are_those_of_plain_torch(name):
    (x, y), model = images(), net(name)
    gradients = torch.autograd.grad(functional.cross_entropy(model(x), y), weights(model), allow_unused=True)
    pairs = [(w, torch.zeros_like(w) if g is None else g) for w, g in zip(weights(model), gradients, strict=True)]
    expected = {
        "snip": sum((w * g).abs().sum().item() for w, g in pairs),
        "grad_norm": sum(g.norm().item() for _, g in pairs),
        "l2_norm": sum(w.norm().item() for w, _ in pairs),
    }
    absolute = net(name).double()
    for parameter in absolute.parameters():
        parameter.data.abs_()
    ones = torch.ones(1, 3, 16, 16, dtype=torch.float64)
    flow = torch.autograd.grad(absolute(ones).sum(), weights(absolute), allow_unused=True)
    pairs = [(w, g) for w, g in zip(weights(absolute), flow, strict=True) if g is not None]
    expected["synflow"] = sum((w * g).abs().sum().item() for w, g in pairs)
    for proxy, value in expected.items():
        assert autoprox.load(proxy).score(model, x, y) == pytest.approx(value, rel=REL), proxy


def test_what_is_made_of_coordinates_is_no_mlp():
    lines = describe(net("coordinates"), images()[0]).splitlines()
    roles = {line.split()[0]: line.split()[2] for line in lines}
    assert roles["body.bias.0"] == roles["body.bias.1"] == roles["body.bias.2"] == "other"
    assert roles["body.qkv"] == roles["body.out"] == "attention"


def test_a_selection_leaves_out_what_is_not_called():
    model = net("spare")
    expected = sum(model.body.mlp[index].weight.norm().item() for index in (0, 2))
    proxy = Proxy("mlps", parse("nodes_sum(only_mlp(frobenius(weight)))"))
    assert proxy.score(model, *images()) == pytest.approx(expected, rel=REL)


def convolutions():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 49, CLASSES))


@pytest.mark.parametrize("name", ["attention_saliency", "attention_confidence", "depth", "synaptic_diversity"])
def test_a_network_without_attention_is_scored_by_what_needs_none(name):
    model, batch = convolutions(), images()
    with pytest.raises(UndefinedScoreError, match=f"'{name}'"):
        autoprox.load(name).score(model, *batch)
    assert np.isnan(autoprox.load(name).score_many([model], *batch)).all()
    chosen = [autoprox.load(each) for each in ("snip", name, "nwot")]
    together = score_together(chosen, model, *batch)
    assert np.isnan(together.pop(name))
    assert together == {each: autoprox.load(each).score(model, *batch) for each in together}


def test_a_graph_that_reads_attention_says_so():
    with pytest.raises(
        UndefinedScoreError, match="it needs attention nodes, and autoprox finds none in the Sequential"
    ):
        autoprox.load("attention_saliency").score(convolutions(), *images())

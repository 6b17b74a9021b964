"""Multiply-accumulates are counted whatever form torch chooses for attention, against their closed form."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from autoprox.networks.measuring import macs, parameters_and_macs
from autoprox.spaces.task import TaskShape

TOKENS, WIDTH, HIDDEN = 16, 8, 24


class Tokens(nn.Module):
    """Patches of 2 by 2 pixels, a body, a head."""

    def __init__(self, body):
        super().__init__()
        self.patches, self.body, self.head = nn.Conv2d(1, WIDTH, 2, 2), body, nn.Linear(WIDTH, 3)

    def forward(self, images):
        return self.head(self.body(self.patches(images).flatten(2).mT).mean(1))


class Fused(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        q, k, v = (each.unflatten(-1, (2, -1)).transpose(1, 2) for each in self.qkv(x).chunk(3, -1))
        return self.proj(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class OfTorch(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


EMBEDDING, HEAD = TOKENS * 4 * WIDTH, 3 * WIDTH
ATTENTION = TOKENS * 4 * WIDTH * WIDTH + 2 * TOKENS * TOKENS * WIDTH
MLP = 2 * TOKENS * WIDTH * HIDDEN
BODIES = {
    "fused": (Fused, ATTENTION),
    "torch's": (OfTorch, ATTENTION),
    "encoder layer": (lambda: nn.TransformerEncoderLayer(WIDTH, 2, HIDDEN, batch_first=True), ATTENTION + MLP),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("training", [False, True])
def test_attention_is_counted_in_every_form(body, training):
    make, expected = BODIES[body]
    model = Tokens(make()).train(training)
    for parameter in model.parameters():
        parameter.requires_grad = training
    with torch.no_grad():
        assert macs(model, torch.zeros(1, 1, 8, 8)) == EMBEDDING + expected + HEAD
        assert macs(model, torch.zeros(3, 1, 8, 8)) == 3 * (EMBEDDING + expected + HEAD)
    assert torch.backends.mha.get_fastpath_enabled()
    with torch.device("meta"):
        assert parameters_and_macs(Tokens(make()), TaskShape(3, 8, 1))[1] == EMBEDDING + expected + HEAD

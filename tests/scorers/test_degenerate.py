"""What is degenerate is skipped as its source does, or has no score; a guard is never read as a value."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import autoprox
from autoprox.base.errors import UndefinedScoreError


def batch():
    return torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(1)), torch.arange(8) % 5


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 16), nn.GELU(), nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 5))


@pytest.mark.parametrize("dead_head", [False, True])
def test_zico_leaves_out_layers_without_gradient(dead_head):
    """Computed as the authors' code does, layer by layer."""
    model, (x, y) = net(), batch()
    if dead_head:
        nn.init.zeros_(model[-1].weight)
    layers = [each.weight for each in model if isinstance(each, nn.Linear)]
    halves = [
        torch.autograd.grad(functional.cross_entropy(model(images), labels), layers)
        for images, labels in zip(x.chunk(2), y.chunk(2), strict=True)
    ]
    expected = 0.0
    for gradients in zip(*halves, strict=True):
        rows = np.stack([each.flatten().double().numpy() for each in gradients])
        spread = rows.std(0)
        ratios = np.abs(rows).mean(0)[spread > 0] / spread[spread > 0]
        expected += np.log(ratios.sum()) if len(ratios) else 0.0
    assert autoprox.load("zico").score(model, x, y) == pytest.approx(expected, rel=1e-3)


def test_a_singular_tangent_kernel_has_no_condition():
    x, y = batch()
    with pytest.raises(UndefinedScoreError, match="ntk_cond"):
        autoprox.load("ntk_cond").score(net(), x[[0, 0, 1, 1]], y[:4])
    assert autoprox.load("ntk_cond").score(net(), x[:4], y[:4]) < -1

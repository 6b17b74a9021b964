"""The effective receptive field, against closed forms."""

import pytest
import torch
from torch import nn

from autoprox.base.errors import SpecError
from autoprox.metapool import effective_receptive_field
from autoprox.spaces import load_space

IMAGES = torch.randn(2, 3, 17, 17, generator=torch.Generator().manual_seed(0))


def spread(squares: list[float]) -> float:
    """Standard deviation of places with these weights."""
    mean = sum(place * each for place, each in enumerate(squares)) / sum(squares)
    return (sum((place - mean) ** 2 * each for place, each in enumerate(squares)) / sum(squares)) ** 0.5


def test_a_convolution_spreads_as_the_squares_of_its_kernel() -> None:
    conv = nn.Conv2d(3, 3, 5, padding=2, groups=3, bias=False)
    kernel = torch.tensor([1.0, -2.0, 0.5, 3.0, 1.5])
    with torch.no_grad():
        conv.weight.copy_(torch.outer(kernel, kernel).expand(3, 1, 5, 5))
    assert effective_receptive_field(conv, IMAGES) == pytest.approx(spread([1, 4, 0.25, 9, 2.25]))


def test_pooling_twice_spreads_as_a_triangle() -> None:
    pool = nn.AvgPool2d(3, stride=1, padding=1)
    assert effective_receptive_field(pool, IMAGES) == pytest.approx((2 / 3) ** 0.5)
    assert effective_receptive_field(nn.Sequential(pool, pool), IMAGES) == pytest.approx(spread([1, 4, 9, 4, 1]))
    assert effective_receptive_field(nn.Identity(), IMAGES) == 0.0


def test_tokens_of_a_layer_are_a_map_and_nothing_is_left() -> None:
    space = load_space("mixer-micro")
    genes = {"width": 8, "mlp_ratio": 1, "kernels": [3], "expand": 1, "depth": [1] * 3, "mixer": ["mca"] * 3}
    images = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    found = {}
    for op in ("skip", "avg5"):
        model = space.build({**genes, "enhancer": [op] * 3}, 10, 8, 1)
        found[op] = effective_receptive_field(model, images, model.body[0])
        assert all(value.grad is None for value in model.parameters())
        assert not model.body[0]._forward_hooks
    assert 0 < found["skip"] < found["avg5"] < 4


@pytest.mark.parametrize(
    ("model", "layer", "message"),
    [
        (nn.Flatten(), None, r"tokens of a square map \(B, n\^2, D\), not \(2, 867\)"),
        (nn.Flatten(2), None, r"not \(2, 3, 289\)"),
        (nn.Identity(), nn.Identity(), "The layer does not run"),
    ],
)
def test_what_is_not_a_map_is_refused(model: nn.Module, layer: nn.Module | None, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        effective_receptive_field(model, IMAGES, layer)

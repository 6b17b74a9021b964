"""The four spaces against what is published, and the geometry of the micro spaces."""

import numpy as np
import pytest

from autoprox.base.errors import SpecError
from autoprox.spaces import space


def autoformer_params(width, ratios, classes, size, patch, chans):
    """Parameters of AutoFormer, summed by hand."""
    tokens = (size // patch) ** 2 + 1
    total = chans * patch * patch * width + width  # patch embedding
    total += width + tokens * width  # class token, positions
    for ratio in ratios:
        total += 2 * width + width * 3 * width + 3 * width + width * width + width  # norm, qkv, projection
        total += 2 * width + 2 * int(ratio * width) * width + int(ratio * width) + width  # norm, two layers
    return total + 2 * width + width * classes + classes


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", ["autoformer-ti", "autoformer-micro"])
def test_autoformer_closed_form(name, seed):
    s = space(name)
    rng = np.random.default_rng(seed)
    arch = s.sample(rng)
    size = s.default_img_size
    patch = 16 if name == "autoformer-ti" else 7
    expected = autoformer_params(arch.genes["hidden_dim"], arch.genes["mlp_ratio"], 102, size, patch, 3)
    assert s.counts(arch, 102).params == expected


def test_autoformer_contains_deit_tiny():
    # DeiT-Ti (Touvron 2021, https://arxiv.org/abs/2012.12877) is the same network, apart from what the head reads.
    s = space("autoformer-ti")
    deit = s.arch({"hidden_dim": 192, "depth": 12, "mlp_ratio": [4] * 12, "num_heads": [3] * 12})
    assert s.counts(deit, num_classes=1000).params == 5_717_416


def test_published_size_of_a_pit():
    s = space("pit-ti")
    arch = s.arch({"base_dim": 16, "mlp_ratio": 6, "depth": [2, 8, 4], "num_heads": [2, 4, 4]})
    assert s.counts(arch, num_classes=100, img_size=224).params == 893_828
    model = s.build(arch, num_classes=100, img_size=224)
    assert sum(parameter.numel() for parameter in model.parameters()) == 893_828


def test_published_grids_of_pit():
    s = space("pit-ti")
    shape = s.shape(s.sample(np.random.default_rng(0)), 224)
    assert (shape.patch, shape.stride) == (16, 8)
    assert [stage.grid for stage in shape.stages] == [27, 14, 7]


def test_heads_change_neither_parameters_nor_macs_of_autoformer():
    s = space("autoformer-ti")
    genes = s.sample(np.random.default_rng(0)).genes
    counts = {s.counts(s.arch({**genes, "num_heads": [h] * genes["depth"]}), 10) for h in (3, 4)}
    assert len(counts) == 1


@pytest.mark.parametrize("size", range(8, 33))
def test_micro_autoformer_has_16_to_64_patches(size):
    s = space("autoformer-micro")
    shape = s.shape(s.sample(np.random.default_rng(0)), size)
    assert shape.patch == size // 4
    assert 4 <= shape.grid <= 8
    assert shape.grid * shape.patch <= size < (shape.grid + 1) * shape.patch


@pytest.mark.parametrize("size", range(8, 33))
def test_micro_pit_has_16_to_64_patches(size):
    s = space("pit-micro")
    shape = s.shape(s.sample(np.random.default_rng(0)), size)
    assert shape.patch == 2 * shape.stride
    grids = {(size - 2 * stride) // stride + 1: stride for stride in range(1, size) if size >= 2 * stride}
    allowed = {grid for grid in grids if 4 <= grid <= 8}
    assert abs(shape.stages[0].grid - 6) == min(abs(grid - 6) for grid in allowed)
    first, second, third = (stage.grid for stage in shape.stages)
    assert (second, third) == (-(-first // 2), -(-second // 2))


@pytest.mark.parametrize("name", ["autoformer-micro", "pit-micro"])
def test_micro_spaces_spread_in_size(name):
    s = space(name)
    rng = np.random.default_rng(0)
    params = np.array([s.counts(s.sample(rng), 10, 28, 1).params for _ in range(300)])
    assert np.quantile(params, 0.95) > 8 * np.quantile(params, 0.05)


@pytest.mark.parametrize("size", [7, 33, 224])
def test_message_for_an_image_size_that_is_not_taken(size):
    s = space("pit-micro")
    with pytest.raises(SpecError, match=f"'pit-micro' takes images of 8 to 32 px, not {size} px"):
        s.counts(s.sample(np.random.default_rng(0)), 10, size)

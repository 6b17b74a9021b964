"""Modules that a teacher guides, and their maps."""

import pytest
import torch
from torch import nn

from autoprox.base.errors import SpecError
from autoprox.spaces import load_space
from autoprox.statistics.maps import blocks_of, feature_map
from tests.spaces.conv_mixer import Mixer, space


@pytest.mark.parametrize("extra", [0, 1, 2])
@pytest.mark.parametrize("grid", [1, 2, 5])
def test_tokens_lie_row_by_row_behind_the_extra_ones(extra, grid):
    tokens = torch.randn(3, extra + grid**2, 4)
    found = feature_map(tokens)
    for row in range(grid):
        for column in range(grid):
            assert torch.equal(found[:, :, row, column], tokens[:, extra + grid * row + column])


def test_maps_with_channels_first_and_last_and_in_a_tuple():
    given = torch.randn(2, 6, 3, 3)
    assert torch.equal(feature_map(given), given)
    assert torch.equal(feature_map((given, None)), given)
    assert torch.equal(feature_map(given.permute(0, 2, 3, 1)), given)


@pytest.mark.parametrize("output", [torch.zeros(2, 10), torch.zeros(2, 7, 4), (), None, torch.zeros(2, 3, 4, 5)])
def test_what_is_no_map(output):
    assert feature_map(output) is None


def test_blocks_of_a_convolutional_network_in_forward_order():
    genes = {"depth": [2, 1], "width": [8, 12], "kernel": [3, 3], "mixer": "depthwise"}
    network = space.build(genes, 10, 8, 1)
    assert blocks_of(network, torch.zeros(2, 1, 8, 8)) == [each for each in network if isinstance(each, Mixer)]


def test_blocks_of_a_transformer_of_torch():
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Conv2d(1, 8, 2, stride=2)
            self.layers = nn.ModuleList(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True) for _ in range(3))
            self.head = nn.Linear(8, 10)

        def forward(self, images):
            x = self.embed(images).flatten(2).transpose(1, 2)
            for layer in self.layers:
                x = layer(x)
            return self.head(x.mean(dim=1))

    network = Plain().eval()
    assert blocks_of(network, torch.zeros(2, 1, 8, 8)) == list(network.layers)


def test_blocks_of_our_own():
    micro = load_space("autoformer-micro")
    network = micro.build({"hidden_dim": 12, "depth": 2, "num_heads": [1, 2], "mlp_ratio": [1.0, 2.0]}, 10, 8, 1)
    assert blocks_of(network, torch.zeros(2, 1, 8, 8)) == list(network.blocks)


def test_a_network_without_maps_is_refused_in_one_line():
    network = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(64, 8), nn.ReLU()), nn.Linear(8, 10))
    with pytest.raises(SpecError, match="cannot be guided by a teacher"):
        blocks_of(network, torch.zeros(2, 1, 8, 8))

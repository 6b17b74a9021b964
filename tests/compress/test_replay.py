"""Tests that a pass with recorded outputs of earlier blocks is the pass of the whole network."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from autoprox.compress._linear_maps import linear_maps
from autoprox.compress._replay import Replay, replays
from autoprox.scorers import prepared


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 9), nn.Linear(9, 6)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x + self.last(torch.relu(self.first(x)))


class Stack(nn.Module):
    """Four blocks between two maps; `shape` chooses how they are joined."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embed, self.head = nn.Linear(12, 6), nn.Linear(6, 3)
        self.blocks = nn.ModuleList(Block() for _ in range(4))
        if shape == "patched":  # as packages that wrap layers do
            inner = self.blocks[1].forward
            self.blocks[1].forward = lambda x: 2 * inner(x)
        if shape == "tied":
            self.blocks[3].first.weight = self.blocks[0].first.weight

    def forward(self, images):
        x = self.embed(images.flatten(1))
        if self.shape == "borrowed":  # the weight of the last block is used by a function in front of all blocks
            x = x + nn.functional.linear(nn.functional.linear(x, self.blocks[3].first.weight), self.embed.weight[:, :9])
        seen = []
        for block in self.blocks:
            x = block(x)
            if self.shape == "in place":
                x.mul_(1.5)
            seen.append(x)
        if self.shape == "twice":
            x = self.blocks[1](x)
        if self.shape == "skips":
            x = x + seen[0] * seen[1]
        return self.head(x)


@pytest.mark.parametrize("shape", ["plain", "in place", "twice", "skips", "tied", "borrowed", "patched"])
def test_other_weights_give_the_logits_of_the_whole_network(shape):
    torch.manual_seed(0)
    images = torch.randn(5, 3, 2, 2)
    model = Stack(shape).eval()
    maps, _ = linear_maps(model, images)
    with prepared(model, images, None) as subject:
        replay = Replay(model, subject.images, maps)
        for each in maps:
            name, weight = f"{each.holders[0]}.{each.weight}", torch.randn_like(each.parameter(model))
            expected = functional_call(model, {name: weight}, (images,))
            assert torch.equal(replay.logits_with({each: weight}), expected), each.name
        assert torch.equal(replay.logits, model(images))


def test_earlier_blocks_are_not_computed_again():
    images = torch.randn(5, 3, 2, 2)
    model = Stack("plain").eval()
    maps, _ = linear_maps(model, images)
    third = next(each for each in maps if each.name == "blocks.2.last")
    with prepared(model, images, None) as subject:
        replay = Replay(model, subject.images, maps)
        before = [block.calls for block in model.blocks]
        replay.logits_with({third: torch.zeros(6, 9)})
        assert [block.calls - count for block, count in zip(model.blocks, before, strict=True)] == [0, 0, 1, 1]
    assert not any("forward" in vars(block) for block in model.blocks)


class Centred(nn.Module):
    """Subtracts the mean over the batch, so that images influence each other."""

    def __init__(self):
        super().__init__()
        self.stack = Stack("plain")

    def forward(self, images):
        return self.stack(images - images.mean(0))


@pytest.mark.parametrize(("model", "expected"), [(Stack("plain"), 2), (Centred(), 1)], ids=["apart", "together"])
def test_a_batch_is_divided_if_its_images_do_not_influence_each_other(model, expected):
    images = torch.randn(9, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    model.eval()
    maps, _ = linear_maps(model, images)
    with prepared(model, images, None) as subject:
        parts = replays(model, subject.images, maps)
        found = torch.cat([each.logits for each in parts])
        torch.testing.assert_close(found, model(subject.images), rtol=1e-5, atol=1e-6)
    assert len(parts) == expected

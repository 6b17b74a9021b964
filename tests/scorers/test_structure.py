"""Counts of live models against the closed forms of the spaces, and models without blocks."""

import numpy as np
import pytest
import torch
from torch import nn

import autoprox
from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.inspect.nodes import Role, declare
from autoprox.scorers import prepared
from autoprox.scorers.zoo._structure import blocks
from autoprox.spaces import SPACES
from autoprox.statistics import collect
from tests.statistics import foreign


def sampled(name, seed):
    owner = autoprox.space(name)
    return owner, owner.sample(np.random.default_rng(seed))


@pytest.mark.parametrize("name", SPACES)
def test_shape_counts_are_those_of_the_space(name):
    owner, arch = sampled(name, 1)
    model, features = owner.build(arch, num_classes=7), owner.features(arch)
    images = np.zeros((1, 3, owner.default_img_size, owner.default_img_size), np.float32)
    for each in ("depth", "mean_width", "sum_dim_depth"):
        assert autoprox.load(each).score(model, images, None) == features[each]
    assert autoprox.load("params").score(model, images, None) == owner.counts(arch, num_classes=7).params
    with prepared(model, images, None) as subject:
        assert [block.width for block in blocks(subject)] == [layer.width for layer in owner.layers(arch)]


@pytest.mark.parametrize(("name", "size"), [("autoformer-micro", 28), ("pit-micro", 8), ("pit-micro", 28)])
def test_macs_are_those_of_the_space(name, size):
    owner, arch = sampled(name, 2)
    model = owner.build(arch, num_classes=7, img_size=size, in_chans=2)
    found = autoprox.load("macs").score(model, np.zeros((3, 2, size, size), np.float32), None)
    assert found == owner.counts(arch, 7, size, 2).macs


@pytest.mark.parametrize("name", ["plain", "plain-fused", "timm-fused", "encoder", "vit-fused"])
def test_macs_of_models_that_autoprox_did_not_build(name):
    """Layers counted node by node, and the two products of attention of each block of width 12."""
    model, (images, labels) = foreign.seeded(name), foreign.batch()
    counts = collect(model, images, labels, ["macs", "attention_tokens"]).counts
    expected = counts["macs"].sum() + 2 * 12 * (counts["attention_tokens"] ** 2).sum()
    assert autoprox.load("macs").score(model, images, labels) == expected


def test_shared_parameters_count_once():
    layer = nn.Linear(4, 4)
    model = declare(nn.Sequential(nn.Flatten(), layer, layer), Role.MLP)
    assert autoprox.load("params").score(model, torch.zeros(1, 4), None) == 20


def test_a_model_without_blocks_is_refused():
    model = declare(nn.Sequential(nn.Flatten(), nn.Linear(4, 4)), Role.MLP)
    for name in ("depth", "rankme", "az_trainability", "zen"):
        with pytest.raises(UndefinedScoreError, match=f"'{name}'.*no transformer block"):
            autoprox.load(name).score(model, torch.zeros(2, 4), None)


def test_a_model_without_activations_is_refused():
    model = declare(nn.Sequential(nn.Flatten(), nn.Linear(4, 4)), Role.MLP)
    with pytest.raises(UndefinedScoreError, match=r"'nwot'.*activation nodes"):
        autoprox.load("nwot").score(model, torch.zeros(2, 4), None)


def test_a_model_that_fails_is_said_to():
    owner, arch = sampled("autoformer-micro", 0)
    model = owner.build(arch, num_classes=7, img_size=8, in_chans=1)
    with pytest.raises(CollectionError, match=r"'jacov' failed.*\(2, 3, 8, 8\)"):
        autoprox.load("jacov").score(model, torch.zeros(2, 3, 8, 8), None)

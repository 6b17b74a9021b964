"""Residual branches that start at zero: each block is the identity, and only the ends of branches change."""

import numpy as np
import pytest
import torch
from torch import nn

from autoprox.base.errors import SpecError
from autoprox.bench.labels import KD, SCRATCH
from autoprox.networks.blocks import TransformerBlock
from autoprox.spaces import load_space
from autoprox.training._residuals import zero_residual_branches
from autoprox.training.label_makers import maker_of
from autoprox.training.recipe import Recipe
from autoprox.training.train import Training, train


@pytest.mark.parametrize("name", ["autoformer-micro", "pit-micro"])
def test_each_block_starts_as_the_identity_and_the_rest_stays(name: str) -> None:
    space = load_space(name)
    arch = space.sample(np.random.default_rng(3))
    network = space.build(arch, 10, 28, 1, seed=0)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    zero_residual_branches(network)
    blocks = [module for module in network.modules() if isinstance(module, TransformerBlock)]
    for block in blocks:
        tokens = torch.randn(2, 5, block.norm1.normalized_shape[0])
        assert torch.equal(block(tokens), tokens)
    changed = {key for key, value in network.state_dict().items() if not torch.equal(before[key], value)}
    ends = ("attn.proj.weight", "attn.proj.bias", "mlp.fc2.weight", "mlp.fc2.bias")
    assert all(key.endswith(ends) for key in changed)
    assert len([key for key in changed if key.endswith("weight")]) == 2 * len(blocks)


def test_a_network_that_declares_no_branch_is_refused() -> None:
    with pytest.raises(SpecError, match="no block of the Sequential has a method `residual_ends`"):
        zero_residual_branches(nn.Sequential(nn.Linear(4, 2)))


def test_recipes_without_it_keep_their_digest_and_with_it_labels_are_others() -> None:
    plain, zero = Recipe(), Recipe(zero_residuals=True)
    assert plain.digest == "7278c51d5c769f3f18ee161afea19ad6"  # of the manifest of vitbench101, version 1
    assert "zero_residuals" not in plain.as_dict()
    for kind in (SCRATCH, KD):
        assert maker_of(kind).definition(plain) != maker_of(kind).definition(zero)


def test_training_starts_from_it() -> None:
    space = load_space("autoformer-micro")
    arch = min((space.sample(np.random.default_rng(seed)) for seed in range(20)), key=space.backbone_params)
    training = Training(space, arch, "digits", SCRATCH, 0)
    plain, zero = (train(training, Recipe(epochs=1, zero_residuals=flag)) for flag in (False, True))
    assert zero.failure == ""
    assert zero.values != plain.values

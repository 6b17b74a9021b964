"""The shared block: drop path and the equality of eager attention with torch's own."""

import pytest
import torch
from torch import nn

from autoprox.networks.blocks import Attention, TransformerBlock, init_normal
from autoprox.spaces import space

GENES = {"hidden_dim": 192, "depth": 12, "mlp_ratio": [3.5] * 12, "num_heads": [3] * 12}


def images_tokens(batch: int, tokens: int, width: int) -> torch.Tensor:
    return torch.randn(batch, tokens, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("width", "heads", "tokens"), [(12, 1, 17), (12, 4, 5), (24, 3, 1), (48, 8, 50)])
def test_attention_equals_torchs_own(width, heads, tokens):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        attention = Attention(width, heads)
    x = images_tokens(3, tokens, width).requires_grad_()
    own = attention(x)
    q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in attention.qkv(x).chunk(3, dim=-1))
    theirs = attention.proj(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
    torch.testing.assert_close(own, theirs)
    (grad,) = torch.autograd.grad(own.square().sum(), x)
    (their_grad,) = torch.autograd.grad(theirs.square().sum(), x)
    torch.testing.assert_close(grad, their_grad)


def test_attention_takes_what_is_not_contiguous():
    attention = Attention(12, 3)
    x = images_tokens(5, 2, 12).transpose(0, 1)
    torch.testing.assert_close(attention(x), attention(x.contiguous()))


def test_drop_path_acts_in_training_only_and_on_whole_images():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        block = TransformerBlock(8, heads=2, hidden=16, drop_path=0.4)
        x = images_tokens(2000, 3, 8)
        plain = block.eval()(x)
        torch.testing.assert_close(plain, block(x))
        block.train()
        branch = torch.ones(2000, 3, 8)
        dropped = block._dropped(branch)
    values = dropped.flatten(1)
    assert (values == values[:, :1]).all(), "an image is dropped as a whole"
    torch.testing.assert_close(values.unique(), torch.tensor([0.0, 1 / 0.6]))
    # Standard deviation of the mean: sqrt(.6 * .4) / .6 / sqrt(2000) = .018.
    assert values[:, 0].mean().item() == pytest.approx(1.0, abs=0.06)


def test_without_drop_path_training_and_evaluation_agree():
    block = TransformerBlock(8, heads=2, hidden=16)
    x = images_tokens(4, 3, 8)
    assert torch.equal(block.train()(x), block.eval()(x))


def test_drop_path_rises_linearly_in_the_published_space():
    s = space("autoformer-ti")
    model = s.build(s.arch(GENES), 10, 32)
    assert [block.drop_path for block in model.blocks] == pytest.approx([0.1 * i / 11 for i in range(12)])


def test_published_initialisation_of_autoformer():
    s = space("autoformer-ti")
    model = s.build(s.arch(GENES), 10, 32)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            assert module.bias.abs().max() == 0
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.08)
    for token in (model.pos_embed, model.cls_token):
        assert token.std().item() == pytest.approx(0.02, rel=0.25)


@pytest.mark.parametrize(
    ("name", "genes"),
    [
        ("pit-ti", {"base_dim": 32, "mlp_ratio": 4, "depth": [1, 6, 6], "num_heads": [4, 4, 4]}),
        ("autoformer-micro", {"hidden_dim": 96, "depth": 3, "mlp_ratio": [1, 2, 4], "num_heads": [1, 2, 3]}),
    ],
)
def test_the_others_keep_torchs_initialisation_of_linear_layers(name, genes):
    model = space(name).build(space(name).arch(genes), 10, 32)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            bound = module.in_features**-0.5
            assert module.weight.abs().max() <= bound
            assert module.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
            assert module.bias.abs().max() > 0


def test_init_normal():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parameter = nn.Parameter(torch.zeros(100, 100))
        init_normal(parameter)
    assert parameter.std().item() == pytest.approx(0.02, rel=0.05)

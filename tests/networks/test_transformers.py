"""Networks of the spaces that come with autoprox: what they cost part by part, features, nodes, and gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from autoprox.inspect.nodes import Role, Site, nodes
from autoprox.spaces import Arch, Space, space
from tests.conformance.spaces import ATTENDING

SEEDS = st.integers(0, 2**32 - 1)

every_space = pytest.mark.parametrize("name", list(ATTENDING))


def drawn(name: str, seed: int) -> tuple[Space, Arch, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return space(name), space(name).sample(rng), rng


def small_size(s: Space) -> int:
    return s.img_sizes[0]


def some_sizes(s: Space) -> list[int]:
    """The smallest, the largest, the default and a few between."""
    sizes = s.img_sizes
    return sorted({sizes[0], sizes[1], sizes[len(sizes) // 2], sizes[-1], s.default_img_size})


def batch(s: Space, in_chans: int = 1, count: int = 3) -> torch.Tensor:
    size = small_size(s)
    return torch.from_numpy(np.random.default_rng(0).standard_normal((count, in_chans, size, size), dtype=np.float32))


def measured_macs(model: nn.Module, in_chans: int, size: int) -> int:
    """Multiply-accumulates as torch's own counter sees them, without computing anything."""
    counter = FlopCounterMode(display=False)
    with torch.device("meta"), counter:
        model.to("meta")(torch.empty(1, in_chans, size, size))
    return counter.get_total_flops() // 2


@every_space
@pytest.mark.parametrize("seed", range(3))
def test_counts_equal_those_of_the_network(name, seed):
    s, arch, rng = drawn(name, seed)
    backbones = set()
    for size in some_sizes(s):
        classes, in_chans = int(rng.integers(2, 200)), int(rng.integers(1, 5))
        counts = s.counts(arch, classes, size, in_chans)
        model = s.build(arch, classes, size, in_chans)
        parameters = {key: p.numel() for key, p in model.named_parameters()}
        outside = ("patch_embed.", "pos_embed", "cls_token", "head.")
        assert counts.params == sum(parameters.values())
        assert counts.backbone_params == sum(n for key, n in parameters.items() if not key.startswith(outside))
        assert counts.macs == measured_macs(model, in_chans, size)
        backbones.add(counts.backbone_params)
    assert backbones == {s.backbone_params(arch)}


@every_space
def test_counts_at_every_image_size(name):
    s, arch, _ = drawn(name, 11)
    # Large networks take long to build; every seventh size meets all remainders of their strides.
    for size in s.img_sizes if s.default_img_size <= 32 else s.img_sizes[::7]:
        model = s.build(arch, 10, size, 1)
        counts = s.counts(arch, 10, size, 1)
        assert counts.params == sum(p.numel() for p in model.parameters())
        assert counts.macs == measured_macs(model, 1, size)


@every_space
@settings(max_examples=5, deadline=None)
@given(seed=SEEDS)
def test_features_describe_the_network(name, seed):
    s, arch, _ = drawn(name, seed)
    features = s.features(arch)
    assert list(features)[:5] == ["depth", "mean_width", "sum_dim_depth", "mean_mlp_ratio", "mean_heads"]
    assert all(type(value) is float for value in features.values())
    model = s.build(arch, 10, small_size(s), 1)
    heads: list[int] = []
    for node in nodes(model):
        if node.site is Site.ATTENTION:
            node.module.register_forward_hook(lambda *call: heads.append(call[-1].shape[1]))
    model(torch.zeros(1, 1, small_size(s), small_size(s)))
    hidden = [n.module for n in nodes(model) if n.site is Site.LINEAR and n.role is Role.MLP][::2]
    assert features["depth"] == len(heads) == len(hidden)
    assert features["mean_heads"] == pytest.approx(np.mean(heads))
    assert features["sum_dim_depth"] == sum(layer.in_features for layer in hidden)
    assert features["mean_width"] == pytest.approx(np.mean([layer.in_features for layer in hidden]))
    ratios = [layer.out_features / layer.in_features for layer in hidden]
    assert features["mean_mlp_ratio"] == pytest.approx(np.mean(ratios))


@every_space
def test_every_parameter_learns(name):
    s, arch, _ = drawn(name, 1)
    model = s.build(arch, 7, small_size(s), 2)
    nn.functional.cross_entropy(model(batch(s, in_chans=2)), torch.tensor([0, 3, 6])).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 0, key


@every_space
@pytest.mark.parametrize("seed", range(3))
def test_nodes(name, seed):
    s, arch, _ = drawn(name, seed)
    model = s.build(arch, 7, small_size(s), 1)
    found = nodes(model)
    kinds = (nn.Linear, nn.Conv2d, nn.LayerNorm, nn.GELU, nn.Softmax)
    assert [node.module for node in found] == [m for m in model.modules() if isinstance(m, kinds)]
    assert all(isinstance(node.role, Role) for node in found)
    assert {node.site for node in found} == set(Site)
    assert {Role.EMBED, Role.ATTENTION, Role.MLP, Role.HEAD} <= {node.role for node in found}
    assert dict(model.named_modules())[found[0].name] is found[0].module
    held = {id(p) for node in found for p in node.module.parameters()}
    outside = [key for key, p in model.named_parameters() if id(p) not in held]
    assert outside == ["cls_token", "pos_embed"], "every other parameter belongs to a node"


@every_space
def test_nodes_are_listed_in_the_order_of_the_forward_pass(name):
    s, arch, _ = drawn(name, 5)
    model = s.build(arch, 7, small_size(s), 1)
    called: list[str] = []
    for node in nodes(model):
        node.module.register_forward_hook(lambda *_, name=node.name: called.append(name))
    model(batch(s))
    assert called == [node.name for node in nodes(model)]


@every_space
def test_hooks_see_attention_probabilities(name):
    s, arch, _ = drawn(name, 6)
    model = s.build(arch, 7, small_size(s), 1)
    seen: list[torch.Tensor] = []
    for node in nodes(model):
        if node.site is Site.ATTENTION:
            node.module.register_forward_hook(lambda *call: seen.append(call[-1]))
    model(batch(s))
    for layer, probabilities in zip(s.layers(arch), seen, strict=True):
        assert probabilities.shape[:2] == (3, layer.heads)
        assert probabilities.shape[2] == probabilities.shape[3]
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(probabilities.shape[:-1]))

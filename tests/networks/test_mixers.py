"""The convolutional mixers: laws, naive computations, and counts against torch's own counters."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from autoprox.base.errors import SpecError
from autoprox.inspect.nodes import Role, Site, nodes
from autoprox.networks import MCA, SpatialEnhancer
from autoprox.spaces import load_space
from autoprox.spaces.mixer import ENHANCERS, KERNELS, distinct_enhancers

SPACE = load_space("mixer-micro")
EXAMPLES = settings(max_examples=20, deadline=None)


def tokens(batch: int, grid: int, dim: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, grid**2, dim, generator=torch.Generator().manual_seed(seed))


def arch_with(mixers: list[str], enhancers: list[str], kernels: tuple[int, ...] = (3, 5), depth: int = 1):
    convolves = "mca" in mixers
    return SPACE.arch(
        {
            "width": 8,
            "mlp_ratio": 2,
            "kernels": list(kernels) if convolves else [3],
            "expand": 2 if convolves else 1,
            "depth": [depth] * 3,
            "mixer": mixers,
            "enhancer": enhancers,
        }
    )


def test_without_gate_and_with_one_kernel_it_is_a_plain_depthwise_block() -> None:
    mca, x = MCA(6, grid=5, kernels=(3,), expand=2, gate=False), tokens(3, 5, 6)
    mapped = functional.linear(x, mca.expand.weight, mca.expand.bias).transpose(1, 2).reshape(3, 12, 5, 5)
    convolved = functional.conv2d(mapped, mca.convs[0].weight, mca.convs[0].bias, padding=1, groups=12)
    expected = functional.linear(
        functional.gelu(convolved).flatten(2).transpose(1, 2), mca.reduce.weight, mca.reduce.bias
    )
    torch.testing.assert_close(mca(x), expected)


def test_each_share_of_the_channels_has_its_kernel_and_the_gate_weighs_channels() -> None:
    mca, x = MCA(5, grid=6, kernels=(3, 5, 7), expand=2), tokens(2, 6, 5)
    mapped = mca.expand(x).transpose(1, 2).reshape(2, 10, 6, 6)
    bounds = [0, 4, 7, 10]
    parts = [
        functional.conv2d(
            mapped[:, low:high], conv.weight, conv.bias, padding=conv.kernel_size[0] // 2, groups=high - low
        )
        for low, high, conv in zip(bounds, bounds[1:], mca.convs, strict=False)
    ]
    features = functional.gelu(torch.cat(parts, dim=1))
    gate = torch.sigmoid(mca.gate(features.mean(dim=(2, 3))))
    expected = mca.reduce((features * gate[:, :, None, None]).flatten(2).transpose(1, 2))
    torch.testing.assert_close(mca(x), expected)
    assert gate.std(dim=0).max() > 1e-4  # it depends on the image


def test_the_gate_makes_the_map_depend_on_the_input_beyond_a_convolution() -> None:
    """Without gate and activation the mixer is affine; the gate breaks that, as an input-dependent weight does."""
    for gate, affine in ((False, True), (True, False)):
        mca = MCA(4, grid=4, kernels=(3,), gate=gate)
        mca.act = nn.Identity()
        x, zero = tokens(1, 4, 4), torch.zeros(1, 16, 4)
        doubled, expected = mca(2 * x) - mca(zero), 2 * (mca(x) - mca(zero))
        assert torch.allclose(doubled, expected, atol=1e-5) is affine


@pytest.mark.parametrize("op", ENHANCERS)
def test_pooling_is_that_of_the_neighbourhood(op: str) -> None:
    enhancer, x = SpatialEnhancer(3, grid=4, ops=op), tokens(2, 4, 3)
    found = enhancer(x).reshape(2, 4, 4, 3)
    given = x.reshape(2, 4, 4, 3)
    if op == "strip":
        strip = enhancer.ops[0]
        for image in range(2):
            squeeze = [
                strip.act(strip.norm(strip.squeeze(part))) for part in (given[image].mean(1), given[image].mean(0))
            ]
            rows, columns = torch.sigmoid(strip.rows(squeeze[0])), torch.sigmoid(strip.columns(squeeze[1]))
            torch.testing.assert_close(found[image], given[image] * rows[:, None] * columns[None])
        return
    reach = 0 if op == "skip" else int(op[3:]) // 2
    reduce = (lambda window: window.amax((0, 1))) if op.startswith("max") else (lambda window: window.mean((0, 1)))
    for row in range(4):
        for column in range(4):
            window = given[1, max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
            torch.testing.assert_close(found[1, row, column], reduce(window))


def test_skip_is_the_identity_and_class_tokens_bypass() -> None:
    x = torch.randn(2, 1 + 16, 8)
    assert torch.equal(SpatialEnhancer(8, 4, "skip", class_tokens=1)(x), x)
    for op in ENHANCERS[1:]:
        enhanced = SpatialEnhancer(8, 4, op, class_tokens=1)(x)
        assert torch.equal(enhanced[:, :1], x[:, :1])
        assert not torch.equal(enhanced[:, 1:], x[:, 1:])
    mixed = MCA(8, 4, class_tokens=1)
    assert torch.equal(mixed(x)[:, :1], torch.zeros(2, 1, 8))
    other = torch.cat((torch.randn(2, 1, 8), x[:, 1:]), dim=1)
    assert torch.equal(mixed(other)[:, 1:], mixed(x)[:, 1:])


def test_a_mixture_is_the_weighted_sum_of_its_operations() -> None:
    enhancer, x = SpatialEnhancer(4, 3, ("skip", "max3", "avg3")), tokens(2, 3, 4)
    with torch.no_grad():
        enhancer.alpha.copy_(torch.tensor([0.3, -1.0, 2.0]))
    weights = torch.softmax(torch.tensor([0.3, -1.0, 2.0]), 0)
    alone = [SpatialEnhancer(4, 3, op)(x) for op in ("skip", "max3", "avg3")]
    torch.testing.assert_close(enhancer(x), sum(w * part for w, part in zip(weights, alone, strict=True)))


def test_a_mixture_that_is_reduced_is_that_of_what_is_left() -> None:
    whole, x = SpatialEnhancer(4, 3, ("skip", "max3", "avg3")), tokens(2, 3, 4)
    with torch.no_grad():
        whole.alpha.copy_(torch.tensor([0.3, -1.0, 2.0]))
    left = SpatialEnhancer(4, 3, ("skip", "avg3"))
    with torch.no_grad():
        left.alpha.copy_(torch.tensor([0.3, 2.0]))
    whole.keep(("avg3", "skip"))
    torch.testing.assert_close(whole(x), left(x))
    assert whole.probabilities() == pytest.approx({"skip": 0.15446527, "avg3": 0.84553473})  # 1 / (1 + exp(1.7))
    whole.keep(("avg3",))
    assert torch.equal(whole(x), SpatialEnhancer(4, 3, "avg3")(x))
    assert whole.probabilities() == {"avg3": 1.0}
    with pytest.raises(SpecError, match="The mixture has avg3; none of these is among skip, max3"):
        whole.keep(("skip", "max3"))


@pytest.mark.parametrize("grid", [1, 2, 3, 6])
def test_enhancers_that_are_distinct_are_so_and_the_others_are_not(grid: int) -> None:
    x = tokens(2, grid, 4)
    poolings = [op for op in ENHANCERS if op != "strip"]
    outputs = {op: SpatialEnhancer(4, grid, op)(x) for op in poolings}
    expected = [
        op for place, op in enumerate(poolings) if not any(outputs[op].allclose(outputs[o]) for o in poolings[:place])
    ]
    assert [op for op in distinct_enhancers(grid) if op != "strip"] == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MCA(4, 4, kernels=(2,)), "odd edge of at least 1, not 2"),
        (lambda: MCA(1, 9, kernels=(3, 5, 7), expand=1), "1 channels cannot be divided among 3 kernels"),
        (lambda: SpatialEnhancer(4, 4, "max7"), "Unknown pooling 'max7'"),
        (lambda: SpatialEnhancer(4, 4, ()), "at least one operation"),
    ],
)
def test_what_cannot_be_built_is_refused(make, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make()


@EXAMPLES
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([8, 15, 28, 32]))
def test_counts_are_torchs(seed: int, size: int) -> None:
    arch = SPACE.sample(np.random.default_rng(seed))
    counts, network = SPACE.counts(arch, 10, size, 1), SPACE.build(arch, 10, size, 1)
    assert counts.params == sum(parameter.numel() for parameter in network.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, size, size))
    assert counter.get_total_flops() == 2 * counts.macs


def test_genes_that_no_network_reads_have_one_value() -> None:
    genes = arch_with(["attention"] * 3, ["skip"] * 3).genes
    for name, value in (("kernels", [3, 5]), ("expand", 2)):
        assert "without a convolutional mixer" in SPACE.why_not({**genes, name: value})[0]
    assert SPACE.why_not({**genes, "mixer": ["attention", "mca", "attention"], "kernels": list(KERNELS[2])}) == []


@pytest.mark.parametrize("mixers", [["attention"] * 3, ["mca"] * 3, ["attention", "mca", "mca"]])
def test_what_attends_is_where_the_genes_say(mixers: list[str]) -> None:
    network = SPACE.build(arch_with(mixers, ["strip", "avg3", "skip"]), 10, 28, 1)
    found = nodes(network)
    attending = [node for node in found if node.site is Site.ATTENTION]
    assert len(attending) == mixers.count("attention")
    in_attention = [node for node in found if node.role is Role.ATTENTION and node.site is Site.LINEAR]
    assert len(in_attention) == 2 * mixers.count("attention")
    assert len([node for node in found if node.role is Role.MLP and node.site is Site.LINEAR]) == 6

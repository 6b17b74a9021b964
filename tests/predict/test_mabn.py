"""Properties of the networks: masks, shapes, and parts."""

import pytest
import torch
from torch import nn

from autoprox.base.isolation import isolated
from autoprox.predict.parzc._layers import BayesianLinear
from autoprox.predict.parzc._mabn import Mixer, Released

NODES, STATISTICS = 6, 3


def network_of(kind, **options):
    with isolated(seed=0):
        return kind(NODES, STATISTICS, width=8, **options)


@pytest.fixture
def batch():
    with isolated(seed=1):
        statistics = torch.randn(5, NODES, STATISTICS)
    mask = torch.ones(5, NODES, dtype=torch.bool)
    mask[1, 4:] = False
    mask[2, 1] = False
    return statistics, mask


@pytest.mark.parametrize("kind", [Mixer, Released])
def test_scores_are_one_a_row(kind, batch):
    assert network_of(kind)(*batch).shape == (5,)


@pytest.mark.parametrize("options", [{}, {"token_mixing": False}, {"bayesian": False}, {"depth": 2}])
def test_what_a_mask_hides_does_not_matter(options, batch):
    statistics, mask = batch
    network = network_of(Mixer, **options).mean()
    changed = torch.where(mask.unsqueeze(-1), statistics, torch.full_like(statistics, 1e3))
    assert torch.equal(network(statistics, mask), network(changed, mask))
    everything = torch.ones_like(mask)
    assert not torch.equal(network(statistics, everything), network(changed, everything))


def test_a_masked_node_is_as_if_the_node_did_not_exist(batch):
    """Without token mixing a score is a function of the sum over nodes, so nodes at the end can be cut off."""
    statistics, mask = batch
    network = network_of(Mixer, token_mixing=False).mean()
    with torch.no_grad():
        network.offsets.zero_()
    short, whole = statistics[1:2, :4], network(statistics, mask)[1]
    x = network.embedding(short)
    x = x + network.blocks[0].channels(network.blocks[0].channel_norm(x))
    assert torch.allclose(network.head(x.sum(1) / NODES)[0, 0], whole)


def test_only_token_mixing_lets_nodes_know_each_other(batch):
    statistics, _ = batch
    for mixing, expected in ((True, True), (False, False)):
        network = network_of(Mixer, token_mixing=mixing).mean()
        x = (network.embedding(statistics) + network.offsets).detach().requires_grad_()
        everywhere = torch.ones(5, NODES, 1)
        out = network.blocks[0](x, everywhere, everywhere)
        (gradient,) = torch.autograd.grad(out[:, 0].square().sum(), x)
        assert bool(gradient[:, 1:].any()) is expected


def test_the_mixer_is_bayesian_everywhere_or_nowhere():
    assert not [module for module in network_of(Mixer).modules() if type(module) is nn.Linear]
    assert not network_of(Mixer, bayesian=False).bayesian_layers()
    assert network_of(Mixer, bayesian=False).kl().item() == 0


def test_the_released_stack_has_the_two_bayesian_layers_and_the_sizes_of_the_published_code():
    network = Released(nodes=58, statistics=1, width=512, depth=4)
    assert [(layer.in_features, layer.out_features) for layer in network.bayesian_layers()] == [(16, 512), (512, 512)]
    assert (network.entry.in_features, network.entry.out_features) == (58, 256)
    plain = [(m.in_features, m.out_features) for m in network.blocks[0].modules() if isinstance(m, nn.Linear)]
    assert plain == [(512, 2048), (2048, 512), (512, 256), (256, 512)]
    assert len(network.blocks) == 4


def test_nodes_that_nothing_was_learnt_about_are_not_mixed(batch):
    statistics, _ = batch
    network = network_of(Mixer).mean()
    network.known[4:] = False
    first = torch.arange(NODES) < 4
    x = (network.embedding(statistics) + network.offsets).detach()
    block = network.blocks[0]
    known = first.float()[None, :, None].expand(5, -1, 1)
    everything = block(x, torch.ones(5, NODES, 1), known)
    assert torch.allclose(everything[:, :4], block(x * known, known, known)[:, :4], atol=1e-6)
    alone = x[:, 4:] + block.channels(block.channel_norm(x[:, 4:]))
    assert torch.allclose(everything[:, 4:], alone, atol=1e-6)


def test_forward_draws_anew_and_a_drawn_copy_does_not(batch):
    network = network_of(Mixer)
    for layer in network.bayesian_layers():
        nn.init.constant_(layer.weight_rho, 0.0)
    with isolated(seed=2):
        first, second = network(*batch), network(*batch)
        draws = network.draws(2)
        drawn = next(draws)
        third, fourth = drawn(*batch), drawn(*batch)
        other = next(draws)(*batch)
    assert not torch.equal(first, second)
    assert torch.equal(third, fourth)
    assert not torch.equal(third, other)
    assert not drawn.bayesian_layers()
    assert len(network.bayesian_layers()) == 7


def test_divergence_is_the_sum_over_layers():
    network = network_of(Mixer)
    by_hand = sum(module.kl().item() for module in network.modules() if isinstance(module, BayesianLinear))
    assert network.kl().item() == pytest.approx(by_hand, rel=1e-6)

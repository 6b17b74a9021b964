"""Training several networks at once is equivalent to training each alone."""

import pytest
import torch

from autoprox.base.isolation import isolated
from autoprox.predict.parzc._mabn import Mixer, Released
from autoprox.predict.parzc._predictor_losses import LOSSES
from autoprox.predict.parzc._training import Data, Schedule, train

ROWS, NODES, STATISTICS = 12, 4, 2


def data():
    with isolated(seed=0):
        statistics = torch.randn(ROWS, NODES, STATISTICS)
    mask = torch.ones(ROWS, NODES, dtype=torch.bool)
    mask[::3, 3] = False
    return Data.of(statistics, mask, statistics.sum((1, 2)), torch.arange(ROWS) % 2)


def networks(count, **options):
    with isolated(seed=1):
        return [Mixer(NODES, STATISTICS, width=4, **options) for _ in range(count)]


@pytest.mark.parametrize("loss", list(LOSSES))
def test_each_network_learns_as_if_it_were_alone(loss):
    """Without randomness in the layers: Adam is element by element, and the loss a sum over networks."""
    parts = [data().rows(torch.arange(ROWS) != left_out) for left_out in range(3)]
    schedule = Schedule(steps=5, learning_rate=0.01, batch_size=100, kl_weight=0.0)
    together, alone = networks(3, bayesian=False), networks(3, bayesian=False)
    with isolated(seed=2):
        train(together, parts, LOSSES[loss], schedule)
        for network, part in zip(alone, parts, strict=True):
            train([network], [part], LOSSES[loss], schedule)
    for one, other in zip(together, alone, strict=True):
        for name, value in one.state_dict().items():
            assert torch.allclose(value, other.state_dict()[name], atol=1e-5), name


def test_the_objective_is_the_loss_and_the_divergence_per_row():
    """One step against plain autograd, with a loss that ignores scores, so that only the divergence acts."""
    (network,) = networks(1)
    with torch.no_grad():
        before = {name: value.clone() for name, value in network.named_parameters()}
    (kl,) = (network.kl(),)
    gradients = torch.autograd.grad(kl, [network.head[0].weight_mu])
    schedule = Schedule(steps=1, learning_rate=0.01, batch_size=100, kl_weight=1.0)
    with isolated(seed=2):
        train([network], [data()], lambda scores, *_, **__: 0.0 * scores.sum(), schedule)
    moved = network.head[0].weight_mu - before["head.0.weight_mu"]
    assert torch.equal(moved.sign(), -gradients[0].sign())  # the first step of Adam is the sign of the gradient
    assert not network.training


def test_batches_take_every_row_in_turn():
    seen = []

    def watched(scores, targets, **_):
        seen.append(targets[0].tolist())
        return scores.square().mean()

    schedule = Schedule(steps=4, learning_rate=0.01, batch_size=3, kl_weight=0.0)
    with isolated(seed=2):
        train(networks(1), [data()], watched, schedule)
    del seen[:2]  # whether the loss sees a level was asked before the first step
    assert sorted(target for batch in seen for target in batch) == sorted(data().targets.tolist())


def test_networks_that_see_one_row_more_take_turns_in_leaving_one_out():
    sizes = []

    def watched(scores, targets, **_):
        sizes.append(tuple(targets.shape))
        return scores.square().mean()

    parts = [data(), data().rows(torch.arange(ROWS) != 0)]
    schedule = Schedule(steps=3, learning_rate=0.01, batch_size=100, kl_weight=0.0)
    with isolated(seed=2):
        train(networks(2), parts, watched, schedule)
    assert set(sizes) == {(2, ROWS - 1)}


@pytest.mark.parametrize("loss", ["diffkendall", "pairwise"])
@pytest.mark.parametrize("build", [Mixer, Released])
def test_a_loss_that_compares_is_minimised_the_same_whatever_is_added_to_all_scores(build, loss):
    """Rounding differs when scores are shifted; no parameter that Adam updates may depend on it."""
    schedule = Schedule(steps=20, learning_rate=0.01, batch_size=100, kl_weight=0.0)
    found = []
    for shift in (0.0, 0.7, 3.1):
        with isolated(seed=1):
            network = build(NODES, STATISTICS, width=4)
        before = network.state_dict()[network.level].clone()

        def shifted(scores, *given, shift=shift, **options):
            return LOSSES[loss](scores + shift, *given, **options)

        with isolated(seed=2):
            train([network], [data()], shifted, schedule)
        assert torch.equal(network.state_dict()[network.level], before)
        found.append(network.mean()(data().statistics, data().mask).detach())
    for other in found[1:]:
        assert torch.allclose(found[0], other, atol=1e-4)


def test_a_loss_that_sees_the_level_trains_it():
    (network,) = networks(1, bayesian=False)
    before = network.state_dict()[network.level].clone()
    high = data()
    high.targets.add_(2.0)
    with isolated(seed=2):
        train([network], [high], LOSSES["mse"], Schedule(steps=50, learning_rate=0.05, batch_size=100, kl_weight=0.0))
    assert float(network.state_dict()[network.level] - before) > 0.1

"""Training a supernet: budgets, exact resume, held-out images, priors, conflicts."""

import numpy as np
import pytest
import torch

import autoprox
from autoprox.base.errors import SpecError
from autoprox.datasets import dataset
from autoprox.networks import define_space
from autoprox.scorers import as_scorer
from autoprox.spaces import Gene, load_space
from autoprox.spaces.task import noise_task
from autoprox.statistics import StatisticsCache
from autoprox.supernet import ScorerPrior, Subnets, Supernet, SupernetPlan, SupernetTrainer, gradient_conflict
from autoprox.supernet.samplers import SAMPLERS
from tests.supernet.test_losses import IMAGES, LABELS, SPACE, SUBNETS, by_macs, supernet_of
from tests.supernet.test_supernet import perceptron

DIGITS = dataset("digits")
LARGEST = {"width": 8, "depth": 1}


def trained(plan: SupernetPlan, prior=None) -> SupernetTrainer:
    trainer = SupernetTrainer(SPACE, DIGITS, plan, prior)
    for _ in trainer.steps():
        pass
    return trainer


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_sampler_says_how_many_subnets_a_step_has(name: str) -> None:
    sampler = SAMPLERS[name](Subnets(load_space("pit-micro"), SUBNETS.task), np.random.default_rng(0))
    assert len(sampler.ask(0.5)) == sampler.per_step


@pytest.mark.parametrize(
    ("sampler", "loss"),
    [("balanced", "inplace"), ("margin", "margin-rank"), ("uniform", "online"), ("sandwich", "prior-guided")],
)
def test_a_training_that_is_continued_is_the_training_at_one_go(sampler: str, loss: str) -> None:
    plan = SupernetPlan(40, sampler, loss, seed=5)
    whole = trained(plan, by_macs)
    first = SupernetTrainer(SPACE, DIGITS, plan, by_macs)
    steps = first.steps()
    for _ in range(3):
        next(steps)
    second = SupernetTrainer(SPACE, DIGITS, plan, by_macs)
    second.restore(first.state())
    assert second.done == first.done > 0
    for _ in second.steps():
        pass
    assert second.state() == whole.state()
    assert whole.done == whole.last <= 40
    another = trained(SupernetPlan(40, sampler, loss, seed=6), by_macs)
    assert another.state() != whole.state()


def test_training_is_adamw_on_the_images_that_are_not_held_out() -> None:
    """Two steps of one subnet, compared with an extracted network and torch's optimiser."""
    plan = SupernetPlan(2, "uniform", "plain", seed=1)
    genes = [Gene("width", (6,)), Gene("depth", (1,))]
    single = define_space("one", genes, perceptron, img_sizes=[8])
    trainer = SupernetTrainer(single, DIGITS, plan)
    network = trainer.supernet.extract({"width": 6, "depth": 1}).train()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    kept = [place for place in range(len(DIGITS.train_labels)) if place % 10 != 9]
    images = torch.from_numpy(DIGITS.normalised(DIGITS.train_images))[kept]
    labels = torch.tensor(DIGITS.train_labels)[kept]
    seen = set()
    for step, rate in enumerate((2e-3 * (1 + np.cos(np.pi * 0.4 / 0.9)) / 2, 0.0)):
        batch = trainer._batch(step)
        seen |= set(batch.tolist())
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(images[batch]), labels[batch], label_smoothing=0.1).backward()
        optimizer.step()
    for _ in trainer.steps():
        pass
    assert len(seen) == 100
    for own, other in zip(
        trainer.supernet.extract({"width": 6, "depth": 1}).parameters(), network.parameters(), strict=True
    ):
        torch.testing.assert_close(own, other, atol=1e-6, rtol=1e-4)


def test_an_epoch_shows_each_image_once() -> None:
    trainer = SupernetTrainer(SPACE, DIGITS, SupernetPlan(1))
    steps = -(-len(trainer._labels) // 50)
    epochs = [torch.cat([trainer._batch(epoch * steps + step) for step in range(steps)]) for epoch in range(2)]
    assert all(sorted(epoch.tolist()) == list(range(len(trainer._labels))) for epoch in epochs)
    assert not torch.equal(*epochs)


def test_a_supernet_learns() -> None:
    trainer = SupernetTrainer(SPACE, DIGITS, SupernetPlan(300))
    network = trainer.supernet.extract(LARGEST)
    before = _right(network)
    for _ in trainer.steps():
        pass
    assert before < 0.25
    assert _right(trainer.supernet.extract(LARGEST)) > 0.4


def _right(network) -> float:
    images = torch.from_numpy(DIGITS.normalised(DIGITS.test_images))
    with torch.no_grad():
        return float((network(images).argmax(1) == torch.tensor(DIGITS.test_labels)).double().mean())


def test_a_budget_below_one_step_is_one_line() -> None:
    with pytest.raises(SpecError, match="`passes` is 7, but one step of the sampler 'sandwich' with the loss"):
        SupernetTrainer(SPACE, DIGITS, SupernetPlan(7, "sandwich", "prior-guided"), by_macs)
    trainer = trained(SupernetPlan(19, "sandwich", "prior-guided"), by_macs)
    assert trainer.done == 16


def test_a_training_that_diverges_is_one_line() -> None:
    with pytest.raises(SpecError, match="diverged after"), np.errstate(all="ignore"):
        trained(SupernetPlan(60, learning_rate=1e30))


def test_a_prior_is_what_the_scorer_says_and_is_asked_once() -> None:
    space, task = load_space("pit-micro"), noise_task("noise", 10, 8, 1)
    prior = ScorerPrior(autoprox.load("snip"), space, task, StatisticsCache(None))
    arch = space.sample(np.random.default_rng(77))
    expected = autoprox.load("snip").score(space.build(arch, 10, 8, 1, seed=0), task.images, task.labels)
    assert prior(arch) == prior(arch) == pytest.approx(expected, rel=1e-5)


def test_a_prior_that_is_undefined_on_half_the_space_is_one_line() -> None:
    space, task = load_space("pit-micro"), noise_task("noise", 10, 8, 1)

    def half(model, *_batch):
        linear = sum(isinstance(module, torch.nn.Linear) for module in model.modules())
        return float("nan") if linear // 4 % 2 else float(linear)

    with pytest.raises(SpecError, match=r"no finite value on \d+ of 20 random architectures of the space 'pit-micro'"):
        ScorerPrior(as_scorer(half), space, task, StatisticsCache(None))
    with pytest.raises(SpecError, match="ranks networks within a set"):
        ScorerPrior(autoprox.load("az_nas"), space, task, StatisticsCache(None))


def test_conflict_is_the_cosine_on_what_both_use() -> None:
    supernet = supernet_of()
    one, other = SPACE.arch({"width": 4, "depth": 1}), SPACE.arch({"width": 6, "depth": 2})
    own, wide = (_gradients(supernet, arch) for arch in (one, other))
    first, second = [], []
    for name, value in own.items():
        cut = wide[name][tuple(slice(size) for size in value.shape)]
        first.append(value.flatten())
        second.append(cut.flatten())
    expected = torch.nn.functional.cosine_similarity(torch.cat(first), torch.cat(second), dim=0)
    (found,) = gradient_conflict(supernet, IMAGES, LABELS, [one, other], bins=1)
    assert found.cosine == pytest.approx(float(expected), rel=1e-4)
    assert found.gap == pytest.approx(np.log2(SUBNETS.macs(other) / SUBNETS.macs(one)))
    assert all(value.grad is None for value in supernet.parameters())


def _gradients(supernet: Supernet, arch) -> dict[str, torch.Tensor]:
    network = supernet.extract(arch).train()
    torch.nn.functional.cross_entropy(network(IMAGES), LABELS).backward()
    return {name: value.grad for name, value in network.named_parameters()}

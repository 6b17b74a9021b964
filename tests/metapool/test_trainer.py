"""Bi-level training: which images move which weights, exact resume, decisions, the fault of the released code."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autoprox.base.digest import canonical_json
from autoprox.base.errors import SpecError
from autoprox.datasets import dataset
from autoprox.metapool import METAPOOL_JOURNAL, MetaPoolPlan, MetaPoolTrainer
from autoprox.spaces import load_space

SPACE, DIGITS = load_space("mixer-micro"), dataset("digits")
FEW = replace(DIGITS, train_images=DIGITS.train_images[:81], train_labels=DIGITS.train_labels[:81])
ARCH = SPACE.arch(
    {
        "width": 8,
        "mlp_ratio": 1,
        "kernels": [3],
        "expand": 1,
        "depth": [2, 1, 1],
        "mixer": ["mca", "attention", "mca"],
        "enhancer": ["avg5"] * 3,
    }
)
PLAN = MetaPoolPlan(epochs=3, batch_size=25, seed=4, arch_learning_rate=0.2, threshold=0.15)


def trained(plan: MetaPoolPlan = PLAN, data=FEW, steps: int | None = None) -> MetaPoolTrainer:
    trainer = MetaPoolTrainer(SPACE, ARCH, data, plan)
    for done in trainer.steps():
        if done == steps:
            break
    return trainer


def parts(trainer: MetaPoolTrainer) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The architecture weights, and all other parameters."""
    named = dict(trainer.network.named_parameters())
    return [v for n, v in named.items() if n.endswith("alpha")], [
        v for n, v in named.items() if not n.endswith("alpha")
    ]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def whole() -> MetaPoolTrainer:
    return trained()


def test_each_kind_of_weight_moves_by_its_half_of_the_images_alone() -> None:
    """With the labels of one half exchanged, and the rate of the others at 0 so that they pass nothing on."""
    moved = {}
    for half in (0, 1):
        labels = FEW.train_labels.copy()
        labels[half::2] = (labels[half::2] + 1) % 10
        moved[half] = replace(FEW, train_labels=labels)
    weights_only, alphas_only = replace(PLAN, arch_learning_rate=0.0), replace(PLAN, learning_rate=0.0)
    fresh = MetaPoolTrainer(SPACE, ARCH, FEW, PLAN)
    plain = trained(weights_only, steps=1)
    assert same(parts(plain)[1], parts(trained(weights_only, moved[1], 1))[1])
    assert not same(parts(plain)[1], parts(trained(weights_only, moved[0], 1))[1])
    assert same(parts(plain)[0], parts(fresh)[0])
    plain = trained(alphas_only, steps=1)
    assert same(parts(plain)[0], parts(trained(alphas_only, moved[0], 1))[0])
    assert not same(parts(plain)[0], parts(trained(alphas_only, moved[1], 1))[0])
    assert same(parts(plain)[1], parts(fresh)[1])


def test_a_step_is_adam_and_then_clipped_adamw() -> None:
    """The first step once more, by torch's optimisers of all parameters at once."""
    plan = replace(PLAN, clip=0.1)
    trainer, other = (MetaPoolTrainer(SPACE, ARCH, FEW, plan) for _ in range(2))
    alphas, weights = parts(other)
    images, labels = torch.from_numpy(FEW.normalised(FEW.train_images)), torch.tensor(FEW.train_labels)
    optimizers = (
        torch.optim.Adam(alphas, 0.2, (0.5, 0.999), weight_decay=1e-3),
        torch.optim.AdamW(weights, 2e-3, weight_decay=0.05),  # the rate of the only step of warm-up
    )
    for half, optimizer in ((1, optimizers[0]), (0, optimizers[1])):
        batch = trainer._batch(half, 0)
        assert set((batch % 2).tolist()) == {half}
        other.network.zero_grad()
        loss = torch.nn.functional.cross_entropy(other.network(images[batch]), labels[batch], label_smoothing=0.1)
        loss.backward()
        if half == 0:
            norm = torch.sqrt(sum(w.grad.square().sum() for w in weights))
            assert norm > 0.1
            for weight in weights:
                weight.grad *= 0.1 / norm
        optimizer.step()
    next(trainer.steps())
    for own, expected in zip(trainer.network.parameters(), other.network.parameters(), strict=True):
        torch.testing.assert_close(own, expected, atol=1e-5, rtol=1e-4)


def test_an_epoch_shows_each_image_of_a_half_once() -> None:
    trainer = MetaPoolTrainer(SPACE, ARCH, FEW, PLAN)
    for half, count in ((0, 41), (1, 40)):
        orders = [torch.cat([trainer._batch(half, 2 * epoch + step) for step in range(2)]).tolist() for epoch in (0, 1)]
        assert all(sorted(order) == list(range(half, 81, 2)) for order in orders)
        assert len(orders[0]) == count
        assert orders[0] != orders[1]


def test_blocks_of_a_stage_share_their_mixture_and_like_poolings_occur_once() -> None:
    trainer = MetaPoolTrainer(SPACE, ARCH, FEW, PLAN)
    assert [len(stage.enhancers) for stage in trainer.mixtures] == [2, 1, 1]
    first, second = trainer.mixtures[0].enhancers
    assert first.alpha is second.alpha
    assert len(parts(trainer)[0]) == 3
    assert [stage.ops[2:] for stage in trainer.mixtures] == [("max3", "max5", "avg3", "avg5")] * 2 + [("max3", "avg3")]
    assert max(float(alpha.detach().abs().max()) for alpha in parts(trainer)[0]) < 5e-3  # 1e-3 times a normal draw


@pytest.mark.parametrize("steps", [1, 4])
def test_a_search_that_is_continued_is_the_search_at_one_go(whole: MetaPoolTrainer, steps: int) -> None:
    first = trained(steps=steps)
    second = MetaPoolTrainer(SPACE, ARCH, FEW, PLAN)
    second.restore(first.state())
    assert second.done == steps
    assert second.state() == first.state()
    for _ in second.steps():
        pass
    assert second.state() == whole.state()
    assert (
        MetaPoolTrainer(SPACE, ARCH, FEW, replace(PLAN, seed=5)).state()
        != MetaPoolTrainer(SPACE, ARCH, FEW, PLAN).state()
    )
    documents = [canonical_json(each.chosen().document(SPACE, FEW, PLAN)) for each in (second, whole)]
    assert documents[0] == documents[1]


def test_the_result_is_genes_and_the_way_to_them(whole: MetaPoolTrainer) -> None:
    chosen = whole.chosen()
    genes, start = SPACE.genes(chosen.arch), SPACE.genes(ARCH)
    assert {**genes, "enhancer": start["enhancer"]} == start
    assert genes["enhancer"] == [stage.op for stage in chosen.stages] == [mixture.kept[0] for mixture in whole.mixtures]
    for stage in chosen.stages:
        assert len(stage.decisions[-1].kept) == 1
        assert len(stage.probabilities) == stage.decisions[-1].epoch <= 3
        for found in stage.probabilities:
            assert sum(found.values()) == pytest.approx(1.0)
        for decision in stage.decisions:
            found = sorted(stage.probabilities[decision.epoch - 1].values())
            assert (found[-1] - found[-2] >= 0.15) is (decision.reason == "lead")
    assert chosen.document(SPACE, FEW, PLAN)["arch"] == genes
    with pytest.raises(SpecError, match="1 of 6 steps are made"):
        trained(steps=1).chosen()


def test_the_fault_of_the_released_code_lets_every_stage_that_leads_collapse_to_strips() -> None:
    plan = replace(PLAN, mode="released", threshold=1e-6, epochs=1)
    assert {stage.op for stage in trained(plan).chosen().stages} == {"strip"}
    assert {stage.op for stage in trained(replace(plan, mode="argmax")).chosen().stages} != {"strip"}


def test_a_decided_stage_trains_its_operation_alone() -> None:
    trainer = trained(replace(PLAN, threshold=1e-6, ops=("skip", "strip")), steps=2)
    kept = {place: stage.kept[0] for place, stage in enumerate(trainer.mixtures)}
    assert all(len(stage.kept) == 1 for stage in trainer.mixtures)
    alphas, strips = [value.clone() for value in parts(trainer)[0]], {}
    for place, stage in enumerate(trainer.mixtures):
        strips[place] = [value.clone() for value in stage.enhancers[0].parameters()][1:]
    next(trainer.steps())
    assert same(alphas, parts(trainer)[0])
    for place, stage in enumerate(trainer.mixtures):
        own = list(stage.enhancers[0].parameters())[1:]
        assert same(strips[place], own) is (kept[place] == "skip")


def test_what_cannot_be_searched_is_one_line() -> None:
    with pytest.raises(SpecError, match="The space 'pit-micro' has no pooling behind its mixers"):
        MetaPoolTrainer(load_space("pit-micro"), ARCH, FEW, PLAN)
    one = replace(FEW, train_images=FEW.train_images[:1], train_labels=FEW.train_labels[:1])
    with pytest.raises(SpecError, match="at least two training images"):
        MetaPoolTrainer(SPACE, ARCH, one, PLAN)
    with pytest.raises(SpecError, match="diverged after"), np.errstate(all="ignore"):
        trained(replace(PLAN, learning_rate=1e30))


def test_a_search_without_a_journal_runs_to_its_end() -> None:
    trainer = MetaPoolTrainer(SPACE, ARCH, FEW, replace(PLAN, epochs=1))
    METAPOOL_JOURNAL.train(trainer, None, {})
    assert trainer.done == trainer.last == 2

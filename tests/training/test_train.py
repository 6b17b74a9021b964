"""Training against a plain loop, and its dependence on its definition only."""

from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from autoprox.base.errors import SpecError
from autoprox.bench.labels import KD, SCRATCH, SUPERNET
from autoprox.datasets import dataset
from autoprox.spaces import load_space
from autoprox.training.label_makers import maker_of
from autoprox.training.recipe import Distillation, Recipe
from autoprox.training.train import Training, train
from tests.bench.tiny import tiny_archs

MICRO, ARCH = load_space("autoformer-micro"), tiny_archs(2)[1].arch
RECIPE = Recipe(epochs=5, warmup=0.125)


def plain_training(training: Training, recipe: Recipe) -> tuple[float, float]:
    """The same recipe from torch's own schedulers, a data loader and per-sample testing."""
    data = dataset(training.dataset)
    scale = data.train_images.astype(np.float64) / 255
    mean, std = scale.mean(), scale.std()

    def prepared(images: np.ndarray, labels: np.ndarray) -> torch.utils.data.TensorDataset:
        pixels = torch.from_numpy((images / 255 - mean) / std).float()
        return torch.utils.data.TensorDataset(pixels, torch.tensor(labels))

    network = training.space.build(training.arch, 10, 8, 1, seed=training.seed("parameters")).train()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, foreach=False
    )
    steps, warmup = recipe.epochs * 8, 5
    schedule = torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, 1 / warmup, 1.0, warmup - 1),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps - warmup),
        ],
        milestones=[warmup],
    )
    generator = torch.Generator().manual_seed(training.seed("order"))
    training_set = prepared(data.train_images, data.train_labels)
    for _ in range(recipe.epochs):
        for batch in torch.randperm(400, generator=generator).view(8, 50):
            images, labels = training_set[batch]
            log_probabilities = network(images).log_softmax(dim=1)
            target = torch.full_like(log_probabilities, recipe.label_smoothing / 10)
            target[torch.arange(50), labels] += 1 - recipe.label_smoothing
            optimizer.zero_grad()
            (-(target * log_probabilities).sum(dim=1).mean()).backward()
            optimizer.step()
            schedule.step()
    network.eval()
    hits, losses = [], []
    with torch.no_grad():
        for image, label in prepared(data.test_images, data.test_labels):
            logits = network(image[None])[0].double()
            hits.append(int(logits.argmax()) == int(label))
            losses.append(float(nn.functional.cross_entropy(logits, label)))
    return 100 * float(np.mean(hits)), float(np.mean(losses))


@pytest.mark.filterwarnings("ignore:The epoch parameter in:UserWarning")
def test_training_agrees_with_a_plain_loop() -> None:
    training = Training(MICRO, ARCH, "digits", SCRATCH, 0)
    outcome = train(training, RECIPE)
    top1, nll = plain_training(training, RECIPE)
    assert outcome.values["nll"] == pytest.approx(nll, rel=1e-4)
    assert outcome.values["top1_pct"] == pytest.approx(top1, abs=0.3)


def test_training_learns() -> None:
    wide = MICRO.arch({"hidden_dim": 48, "depth": 1, "num_heads": [2], "mlp_ratio": [2.0]})
    outcome = train(Training(MICRO, wide, "digits", SCRATCH, 0), Recipe(epochs=15))
    assert outcome.values["top1_pct"] > 40
    assert outcome.values["nll"] < np.log(10)


def test_training_depends_on_its_description_only() -> None:
    training = Training(MICRO, ARCH, "digits", SCRATCH, 0)
    first = train(training, RECIPE)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    train(Training(MICRO, tiny_archs(1)[0].arch, "digits", SCRATCH, 5), RECIPE)
    torch.set_num_threads(2)
    try:
        again = train(training, RECIPE)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert again.values == first.values
    state = torch.get_rng_state()
    other_seed = train(Training(MICRO, ARCH, "digits", SCRATCH, 1), RECIPE)
    assert torch.equal(state, torch.get_rng_state())
    assert other_seed.values != first.values


def test_divergence_is_a_failure_with_a_reason() -> None:
    outcome = train(Training(MICRO, ARCH, "digits", SCRATCH, 0), Recipe(epochs=2, learning_rate=1e38))
    assert outcome.values == {}
    assert "not finite" in outcome.failure


def test_only_trainable_label_kinds() -> None:
    with pytest.raises(SpecError, match=r"'supernet' can only be imported\. Kinds with a maker: scratch, kd"):
        train(Training(MICRO, ARCH, "digits", SUPERNET, 0), RECIPE)


@pytest.mark.parametrize("warmup", [-0.1, 1.0])
def test_warmup_is_a_share(warmup: float) -> None:
    with pytest.raises(SpecError, match="share of the steps"):
        Recipe(warmup=warmup)


@pytest.mark.parametrize("field", ["epochs", "batch_size"])
def test_recipes_out_of_range(field: str) -> None:
    with pytest.raises(SpecError, match=f"recipe's {field} must be at least 1, not 0"):
        Recipe(**{field: 0})


def test_learning_rates_start_low_peak_and_end_near_zero() -> None:
    rates = Recipe().learning_rates(400)
    assert len(rates) == 400
    assert rates[0] == pytest.approx(2e-3 / 40)
    assert max(rates) == rates[39] == 2e-3
    assert all(before >= after for before, after in pairwise(rates[39:]))
    assert 0 < rates[-1] < 1e-7
    assert len(Recipe().learning_rates(10)) == 10


def test_recipe_digest_knows_every_value() -> None:
    recipe = Recipe()
    for name, value in recipe.as_dict().items():
        changed = Distillation(version=2) if name == "distillation" else value * 2
        assert Recipe(**{name: changed}).digest != recipe.digest
    for name, value in asdict(Distillation()).items():
        other = Recipe(distillation=Distillation(**{name: value * 2 + 1}))
        assert maker_of(KD).definition(other) != maker_of(KD).definition(recipe)
        assert maker_of(SCRATCH).definition(other) == maker_of(SCRATCH).definition(recipe)

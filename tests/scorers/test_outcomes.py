"""A network without a score does not affect others; every scorer gives the same message for invalid labels."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import autoprox
from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.base.outcomes import UnscoredWarning
from autoprox.scorers import FunctionProxy, score_together
from autoprox.statistics import Requirements

IMAGES = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
HARD = torch.arange(8) % 5
SOFT = 0.9 * functional.one_hot(HARD, 5).float() + 0.02


def network(classes=5):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 16), nn.GELU(), nn.Linear(16, classes))


class Pair(nn.Module):
    """Returns features and logits."""

    def __init__(self):
        super().__init__()
        self.inner = network()

    def forward(self, images):
        return images, self.inner(images)


def scored(name, models):
    return autoprox.load(name).score_many(models, IMAGES, HARD)


@pytest.mark.parametrize("name", ["snip", "jacov"])
def test_one_network_without_a_score_is_nan_with_its_reason(name):
    broken = network()
    with torch.no_grad():
        broken[1].weight.fill_(float("inf"))
    with pytest.warns(UnscoredWarning, match=f"'{name}' has no score for 1 of 3 networks, first for number 1: "):
        found = scored(name, [network(), broken, network()])
    assert found == pytest.approx([found[0], np.nan, found[0]], nan_ok=True)
    assert np.isfinite(found[0])
    with pytest.raises(CollectionError):
        scored(name, [broken])


def test_one_scorer_that_cannot_be_computed_hides_no_other():
    with pytest.warns(UnscoredWarning, match="'snip' has no score: The labels are missing"):
        found = score_together([autoprox.load(name) for name in ("l2_norm", "snip")], network(), IMAGES, None)
    assert np.isnan(found["snip"])
    assert found["l2_norm"] == autoprox.load("l2_norm").score(network(), IMAGES, None)


def test_division_by_zero_is_no_score():
    proxy = FunctionProxy("ratio", lambda subject: 1.0 / (len(subject.images) - 8), 1, "Here.", Requirements())
    with pytest.raises(UndefinedScoreError, match="'ratio'"):
        proxy.score(network(), IMAGES, None)


@pytest.mark.parametrize("labels", [SOFT, SOFT.double().numpy()], ids=["tensor", "array"])
@pytest.mark.parametrize("name", ["snip", "gradsign", "zico", "fisher"])
def test_soft_labels_reach_the_loss(name, labels):
    """Almost hard labels give almost the score of hard ones."""
    proxy, model = autoprox.load(name), network()
    found = proxy.score(model, IMAGES, labels, loss=functional.cross_entropy)
    smoothed = proxy.score(model, IMAGES, HARD, loss=nn.CrossEntropyLoss(label_smoothing=0.1))
    assert found == pytest.approx(smoothed, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "labels", "loss", "message"),
    [
        ("epe_nas", SOFT, functional.cross_entropy, "give class indices as integers"),
        ("snip", SOFT, None, "give class indices as integers"),
        ("epe_nas", HARD - 100, None, "Label -100 of image 0 is out of range"),
        ("gradsign", HARD - 100, None, "Label -100 of image 0 is out of range"),
        ("gradsign", HARD + 1, None, "Label 5 of image 4 is out of range: the model has 5 classes"),
        ("epe_nas", HARD + 1, None, "Label 5 of image 4 is out of range: the model has 5 classes"),
        ("epe_nas", HARD + 2**62, None, "Label 4611686018427387904 of image 0 is out of range"),
        ("epe_nas", HARD * 0 + 7, functional.cross_entropy, "Label 7 of image 0 is out of range"),
        ("fisher", None, None, "labels"),
        ("zico", None, None, "The labels are missing"),
    ],
)
def test_labels_that_do_not_fit(name, labels, loss, message):
    with pytest.raises(CollectionError, match=message):
        autoprox.load(name).score(network(), IMAGES, labels, loss=loss)


def test_one_logit_tells_two_classes_apart():
    """A binary cross entropy does not mean a model of one class."""
    proxy, model = autoprox.load("epe_nas"), network(1)
    assert proxy.score(model, IMAGES, HARD % 2) > 0


@pytest.mark.parametrize("name", ["snip", "zico", "gradsign"])
def test_outputs_that_are_no_logits(name):
    with pytest.raises(CollectionError, match=r"output is a tuple instead of logits"):
        autoprox.load(name).score(Pair(), IMAGES, HARD)
    own = autoprox.load(name).score(
        Pair(), IMAGES, HARD, loss=lambda output, labels: functional.cross_entropy(output[1], labels)
    )
    assert own == pytest.approx(autoprox.load(name).score(network(), IMAGES, HARD), rel=1e-5)


class Named(Pair):
    """Returns its logits by name, as PPLCNetForImageClassification of transformers does."""

    def __init__(self, *beside):
        super().__init__()
        self.beside = beside

    def forward(self, images):
        features, logits = super().forward(images)
        return {"last_hidden_state": logits} | dict.fromkeys(self.beside, features)


@pytest.mark.parametrize("name", ["snip", "synflow", "jacov", "gradsign"])
def test_a_matrix_alone_under_any_name_is_the_logits(name):
    expected = autoprox.load(name).score(network(), IMAGES, HARD)
    assert autoprox.load(name).score(Named(), IMAGES, HARD) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(CollectionError, match="output is a dict"):
        autoprox.load(name).score(Named("pooled"), IMAGES, HARD)


@pytest.mark.parametrize("name", ["snip", "zico", "gradsign"])
def test_the_loss_of_one_class_says_nothing(name):
    with pytest.raises(CollectionError, match="one class"):
        autoprox.load(name).score(network(1), IMAGES, HARD * 0)

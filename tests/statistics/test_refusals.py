"""Statistics that cannot be collected are refused with an error that says what to do."""

import numpy as np
import pytest
import torch
from torch import nn

from autoprox.base.errors import CollectionError, RegistryError
from autoprox.inspect.nodes import Role, declare
from autoprox.statistics import collect
from tests.statistics import networks
from tests.statistics.networks import Around, batch, seeded, tiny

IMAGES, LABELS = batch()
NAN_IMAGES = IMAGES.clone()
NAN_IMAGES[3, 0, 1, 1] = float("nan")


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (NAN_IMAGES, LABELS, "first in image 3"),
        (IMAGES.numpy() * np.float32(np.inf), LABELS, "NaN or infinity"),
        (IMAGES, LABELS + 1, "Label 3 of image 2 is out of range: the model has 3 classes, so labels are 0 to 2"),
        (IMAGES, LABELS - 1, "Label -1 of image 0"),
        (IMAGES, LABELS.float(), "give class indices as integers"),
        (IMAGES, LABELS > 0, "give class indices as integers"),
        (IMAGES, LABELS[:3], "5 images; give one class index"),
        (IMAGES, LABELS[:, None], "one class index"),
        (IMAGES[:0], LABELS[:0], "give at least one"),
        (IMAGES.double(), LABELS, r"torch\.float64 and the model is torch\.float32"),
        (IMAGES.double().numpy(), LABELS, r"to\(torch\.float32\)"),
        ((IMAGES * 255).to(torch.uint8), LABELS, r"torch\.uint8 and the model"),
        (IMAGES.to("meta"), LABELS, "images are on meta and the model is on cpu"),
        (IMAGES, LABELS.to("meta"), "labels are on meta"),
        ("images", LABELS, "give an array or a tensor"),
        (np.array([None]), LABELS, "give an array or a tensor"),
        (IMAGES[:, :, :1], LABELS, r"TinyVit failed on images of shape \(5, 1, 1, 4\)"),
        (IMAGES.repeat(1, 2, 1, 1), LABELS, "TinyVit failed"),
    ],
)
def test_a_batch_that_does_not_fit(images, labels, message):
    with pytest.raises(CollectionError, match=message):
        collect(tiny(), images, labels, ["weight_grad"])


def test_images_with_a_dimension_too_few():
    """The network fails by an IndexError, for it flattens a dimension that is not there."""
    model = declare(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), Role.HEAD)
    with pytest.raises(CollectionError, match=r"Sequential failed on images of shape \(4,\)"):
        collect(model, torch.ones(4), [0, 1, 0, 1], ["weight_grad"])


def test_a_model_without_linear_layers():
    with pytest.raises(CollectionError, match="Sequential has no Linear and no Conv2d"):
        collect(declare(nn.Sequential(nn.Flatten(), nn.LayerNorm(16)), Role.HEAD), IMAGES, LABELS, ["norm_output"])


def test_a_statistic_of_nodes_that_the_model_has_not():
    """It is not an error: there are no tensors, and counts of nothing."""
    found = collect(seeded(lambda: Around(networks.Shared())), IMAGES, LABELS, ["attention", "attention_heads"])
    assert found.tensors["attention"] == ()
    assert found.counts["attention_heads"].shape == (0,)


def test_an_unknown_statistic():
    with pytest.raises(RegistryError, match="Did you mean 'weight_grad'"):
        collect(tiny(), IMAGES, LABELS, ["wieght_grad"])


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda out: {"first": out, "second": out}, r"a dict instead of logits \(5, num_classes\); pass loss="),
        (lambda out: out[:, 0], r"shape \(5,\)"),
        (lambda out: out.detach(), "does not depend on the parameters"),
        (lambda out: out * float("nan"), "The loss is nan"),
    ],
)
def test_a_model_whose_output_is_no_logits(output, message):
    model = tiny()
    model.register_forward_hook(lambda _, __, out: output(out))
    with pytest.raises(CollectionError, match=message):
        collect(model, IMAGES, LABELS, ["weight_grad"])


@pytest.mark.parametrize(("loss", "message"), [(lambda out, _: out, "one element"), (lambda *_: 1.0, "a float")])
def test_a_loss_that_is_no_scalar_tensor(loss, message):
    with pytest.raises(CollectionError, match=message):
        collect(tiny(), IMAGES, LABELS, ["weight_grad"], loss=loss)


def test_an_output_that_is_no_tensor():
    model = tiny()
    model.act.register_forward_hook(lambda _, __, out: (out,))
    with pytest.raises(CollectionError, match=r"output of 'act' \(GELU\) is a tuple"):
        collect(model, IMAGES, LABELS, ["activation"])

"""Classifiers of transformers with random weights: their scores are those of plain torch, or one line says why not."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import autoprox
from autoprox.base.errors import CollectionError
from autoprox.inspect import declare

transformers = pytest.importorskip("transformers")
SIZE = {
    "image_size": 16,
    "patch_size": 4,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


def batch():
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(3)), torch.arange(4)


def vit():
    torch.manual_seed(0)
    return transformers.ViTForImageClassification(transformers.ViTConfig(**SIZE, num_labels=5)).eval()


def snip_of_plain_torch(model):
    images, labels = batch()
    functional.cross_entropy(model(images).logits, labels).backward()
    layers = [each for each in model.modules() if isinstance(each, nn.Linear | nn.Conv2d)]
    used = [each for each in layers if each.weight.grad is not None]
    found = sum((each.weight * each.weight.grad).abs().sum().item() for each in used)
    model.zero_grad()
    return found


@pytest.mark.parametrize("called", [False, True], ids=["new", "called before"])
def test_a_compiled_model_scores_as_it_does_without(called):
    model = vit()
    expected = snip_of_plain_torch(model)
    compiled = torch.compile(model, backend="eager")
    if called:
        compiled(batch()[0])
    assert autoprox.load("snip").score(compiled, *batch()) == autoprox.load("snip").score(model, *batch())
    assert autoprox.load("snip").score(compiled, *batch()) == pytest.approx(expected, rel=1e-4)


def test_a_layer_that_is_never_called_is_no_reason_to_refuse():
    torch.manual_seed(0)
    config = transformers.CLIPConfig(vision_config=SIZE, num_labels=5)
    model = transformers.CLIPForImageClassification(config).eval()
    expected = snip_of_plain_torch(model)
    assert autoprox.load("snip").score(model, *batch()) == pytest.approx(expected, rel=1e-4)
    declare(model.vision_model.post_layernorm, "head")
    assert autoprox.load("snip").score(model, *batch()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_a_quantised_model_is_refused_for_that():
    quantised = torch.ao.quantization.quantize_dynamic(vit(), {nn.Linear}, dtype=torch.qint8)
    with pytest.raises(CollectionError, match="is quantised"):
        autoprox.load("snip").score(quantised, *batch())

"""Modules that make taps hard: shared, in place, strided, called by keyword, not called, and half precision."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from autoprox.base.errors import CollectionError
from autoprox.inspect.nodes import Site
from autoprox.statistics import STATISTICS, UNPAIRED, collect
from autoprox.statistics import _taps as taps
from tests.statistics import networks
from tests.statistics.networks import Around, batch, seeded, tiny

LINEAR_TENSORS = [name for name, each in STATISTICS.items() if each.site is Site.LINEAR and each.kind == "tensor"]


def around(body):
    return seeded(lambda: Around(body())).eval()


def collected(model, names=tuple(LINEAR_TENSORS)):
    return collect(model, *batch(), names)


def test_a_layer_that_is_called_twice_has_both_calls():
    model = around(networks.Shared)
    found = collected(model, [*LINEAR_TENSORS, "tokens", "macs"])
    images, labels = batch()
    x = images.flatten(1, 2)
    first = model.body.fc(x)
    second = model.body.fc(torch.tanh(first))
    for value in (first, second):
        value.retain_grad()
    functional.cross_entropy(model.head(second.mean(1)), labels).backward()
    assert torch.equal(found.tensors["input"][0], torch.cat([x, torch.tanh(first)]))
    assert torch.equal(found.tensors["output"][0], torch.cat([first, second]))
    torch.testing.assert_close(found.tensors["output_grad"][0], torch.cat([first.grad, second.grad]))
    torch.testing.assert_close(found.tensors["weight_grad"][0], model.body.fc.weight.grad)
    assert found.counts["tokens"].tolist() == [8, 1]
    assert found.counts["macs"].tolist() == [8 * 16, 12]


def test_calls_of_different_width_are_joined_flat():
    found = collected(around(networks.SharedGelu), ["activation", "activation_grad"])
    assert found.tensors["activation"][0].shape == found.tensors["activation_grad"][0].shape == (5 * 4 * (5 + 7),)


@pytest.mark.parametrize("names", [LINEAR_TENSORS, ["output"], ["output_grad"], ["input_grad", "output"]])
def test_a_model_that_works_in_place_gives_what_it_would_give_otherwise(names):
    in_place, reference = around(networks.InPlace), around(networks.OutOfPlace)
    reference.load_state_dict(in_place.state_dict())
    got, expected = collected(in_place, names), collected(reference, names)
    for name in names:
        for a, b in zip(got.tensors[name], expected.tensors[name], strict=True):
            torch.testing.assert_close(a, b)


def test_images_that_the_model_overwrites_stay_as_they_were():
    model = around(networks.Shared)
    model.register_forward_pre_hook(lambda _, args: (args[0].mul_(2.0),))
    images, labels = batch()
    before = images.clone()
    found = collect(model, images, labels, ["input"])
    assert torch.equal(images, before)
    assert torch.equal(found.tensors["input"][0][:5], (2 * before).flatten(1, 2))


@pytest.mark.parametrize("body", [networks.ByKeyword, networks.Strided])
def test_gradients_with_keywords_and_strides_equal_plain_backward(body):
    model = around(body)
    found = collected(model)
    images, labels = batch()
    inputs = []

    def keep(_, args, kwargs):
        inputs.append((args[0] if args else kwargs["input"]).detach().requires_grad_())
        return ((inputs[0],), {})

    with model.body.fc.register_forward_pre_hook(keep, with_kwargs=True):
        functional.cross_entropy(model(images), labels).backward()
    assert torch.equal(found.tensors["input"][0], inputs[0])
    torch.testing.assert_close(found.tensors["input_grad"][0], inputs[0].grad)
    torch.testing.assert_close(found.tensors["weight_grad"][0], model.body.fc.weight.grad)
    assert found.tensors["output"][0].shape == found.tensors["output_grad"][0].shape


def test_a_layer_that_is_not_called_is_an_error_that_names_it():
    model = around(networks.Unused)
    with pytest.raises(CollectionError, match=r"'body\.spare' was not called"):
        collected(model, ["output"])
    assert len(collected(model, ["weight", "params"]).tensors["weight"]) == 3


def test_what_the_loss_does_not_depend_on_has_gradient_zero():
    found = collected(around(networks.Detached))
    assert [node.name for node in found.nodes[Site.LINEAR]] == ["body.side", "body.fc", "head"]
    for name in ("weight_grad", "input_grad", "output_grad"):
        assert found.tensors[name][1].any()
        assert not found.tensors[name][0].any()
        assert found.tensors[name][0].shape == found.tensors[name.removesuffix("_grad")][0].shape


def test_a_tied_weight_has_its_whole_gradient_at_both_layers():
    def tied():
        body = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
        body[2].weight = body[0].weight
        return body

    model = around(tied)
    found = collected(model)
    images, labels = batch()
    functional.cross_entropy(model(images), labels).backward()
    for gradient in found.tensors["weight_grad"][:2]:
        torch.testing.assert_close(gradient, model.body[0].weight.grad)


def test_a_computed_weight_has_a_value_and_says_why_it_has_no_gradient():
    model = around(lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))))
    assert torch.equal(collected(model, ["weight"]).tensors["weight"][0], model.body[0].weight)
    with pytest.raises(CollectionError, match="remove_parametrizations"):
        collected(model, ["weight_grad"])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions_stay_what_they_are(dtype):
    images, labels = batch(dtype=dtype)
    found = collect(tiny(dtype=dtype), images, labels, UNPAIRED)
    reference = collect(tiny(dtype=torch.float64), *batch(dtype=torch.float64), UNPAIRED)
    tolerance = {torch.bfloat16: 0.15, torch.float16: 0.02, torch.float64: 1e-12}[dtype]
    for name, tensors in found.tensors.items():
        for got, expected in zip(tensors, reference.tensors[name], strict=True):
            assert got.dtype == (STATISTICS[name].pass_.dtype or dtype)
            assert (got.double() - expected).norm() <= tolerance * expected.norm(), name


def test_one_image_is_enough():
    images, labels = batch(1)
    enough = [name for name in UNPAIRED if STATISTICS[name].pass_.least_images <= 1]
    found = collect(tiny(), images, labels, enough)
    assert all(tensor.isfinite().all() for tensors in found.tensors.values() for tensor in tensors)
    assert found.counts["tokens"].tolist() == [4, 4, 4, 4, 4, 1]


def test_nothing_is_run_that_is_not_needed():
    model = tiny()
    calls = []
    model.register_forward_hook(lambda *_: calls.append("forward"))
    model.head.register_full_backward_hook(lambda *_: calls.append("backward"))
    collected(model, ["weight", "params", "fan_in"])
    assert calls == []
    collected(model, ["output", "tokens"])
    assert calls == ["forward"]
    calls.clear()
    collected(model, [name for name, each in STATISTICS.items() if each.pass_.name == "data"])
    assert calls == ["forward", "backward"]


def test_only_what_was_asked_for_is_kept(monkeypatch):
    held = []
    original = taps.Taps.differentiate

    def spy(self, loss):
        held.extend(call for _, _, call in self._recorded())
        original(self, loss)

    monkeypatch.setattr(taps.Taps, "differentiate", spy)
    collected(tiny(), ["output_grad", "attention"])
    assert [call.value is not None for call in held] == [False, False, False, True, False, False, False]
    assert all(call.edge is None for call in held), "edges keep the autograd graph alive"


def test_weights_do_not_follow_a_model_that_is_trained_on():
    model = tiny()
    weight = collected(model, ["weight"]).tensors["weight"][0]
    before = weight.clone()
    with torch.no_grad():
        model.embed.weight.add_(1.0)
    assert torch.equal(weight, before)


def test_tensors_carry_no_graph():
    found = collected(tiny(), UNPAIRED)
    assert not any(tensor.requires_grad for tensors in found.tensors.values() for tensor in tensors)

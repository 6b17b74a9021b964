"""Each statistic against a reference that uses no tap: plain backward, a forward pass by hand, finite differences."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from autoprox.inspect.nodes import Site
from autoprox.statistics import UNPAIRED, collect
from tests.statistics.networks import CLASSES, batch, tiny

LINEARS = ["embed", "qk", "v", "fc1", "fc2", "head"]
GRADIENTS_OF = {
    "input_grad": LINEARS,
    "output_grad": LINEARS,
    "attention_grad": ["softmax"],
    "norm_output_grad": ["norm"],
    "activation_grad": ["act"],
}


@pytest.fixture(scope="module")
def found():
    images, labels = batch(dtype=torch.float64)
    return collect(tiny(dtype=torch.float64), images, labels, UNPAIRED)


def by_hand(p, images):
    """The forward pass of `TinyVit` in bare arithmetic; gives what enters and leaves each layer."""
    heads = lambda x: x.reshape(5, 4, 2, 3).permute(0, 2, 1, 3)  # noqa: E731
    inputs, outputs = {"embed": images}, {}
    outputs["embed"] = functional.conv2d(images, p["embed.weight"], p["embed.bias"], stride=2)
    x = outputs["embed"].reshape(5, 6, 4).permute(0, 2, 1)
    centred = x - x.mean(-1, keepdim=True)
    norm = centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5) * p["norm.weight"] + p["norm.bias"]
    outputs["norm"] = norm
    for name in ("qk", "v"):
        inputs[name] = norm
        outputs[name] = norm @ p[f"{name}.weight"].T + p[f"{name}.bias"]
    logits = torch.einsum("bhid,bhjd->bhij", heads(outputs["qk"][..., :6]), heads(outputs["qk"][..., 6:]))
    outputs["softmax"] = logits.exp() / logits.exp().sum(-1, keepdim=True)
    mixed = torch.einsum("bhij,bhjd->bihd", outputs["softmax"], heads(outputs["v"])).reshape(5, 4, 6)
    inputs["fc1"] = x = x + mixed
    outputs["fc1"] = x @ p["fc1.weight"].T + p["fc1.bias"]
    inputs["fc2"] = outputs["act"] = outputs["fc1"] * 0.5 * (1 + torch.erf(outputs["fc1"] / 2**0.5))
    outputs["fc2"] = inputs["fc2"] @ p["fc2.weight"].T + p["fc2.bias"]
    inputs["head"] = (x + outputs["fc2"]).mean(1)
    outputs["head"] = inputs["head"] @ p["head.weight"].T + p["head.bias"]
    return inputs, outputs


def test_nodes_come_in_forward_order(found):
    assert [node.name for node in found.nodes[Site.LINEAR]] == LINEARS
    assert [str(node.role) for node in found.nodes[Site.LINEAR]] == [
        "embed",
        "attention",
        "attention",
        "mlp",
        "mlp",
        "head",
    ]
    assert {site: [node.name for node in at] for site, at in found.nodes.items() if site is not Site.LINEAR} == {
        Site.ATTENTION: ["softmax"],
        Site.NORM: ["norm"],
        Site.ACTIVATION: ["act"],
    }


def test_weights_and_their_gradients_equal_plain_backward(found):
    model = tiny(dtype=torch.float64)
    images, labels = batch(dtype=torch.float64)
    functional.cross_entropy(model(images), labels).backward()
    for name, weight, gradient in zip(LINEARS, found.tensors["weight"], found.tensors["weight_grad"], strict=True):
        reference = model.get_submodule(name).weight
        assert torch.equal(weight, reference)
        torch.testing.assert_close(gradient, reference.grad, rtol=1e-12, atol=0)


def test_values_equal_a_forward_pass_by_hand(found):
    images, _ = batch(dtype=torch.float64)
    inputs, outputs = by_hand({name: p.detach() for name, p in tiny(dtype=torch.float64).named_parameters()}, images)
    for statistic, names, expected in (
        ("input", LINEARS, inputs),
        ("output", LINEARS, outputs),
        ("attention", ["softmax"], outputs),
        ("norm_output", ["norm"], outputs),
        ("activation", ["act"], outputs),
    ):
        for name, value in zip(names, found.tensors[statistic], strict=True):
            torch.testing.assert_close(value, expected[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("statistic", "name"), [(key, name) for key, names in GRADIENTS_OF.items() for name in names])
def test_gradients_equal_finite_differences(found, statistic, name):
    """Adds a small step to one element where the tensor enters or leaves the layer, and looks at the loss."""
    model = tiny(dtype=torch.float64)
    images, labels = batch(dtype=torch.float64)
    names = GRADIENTS_OF[statistic]
    gradient = found.tensors[statistic][names.index(name)]
    direction = torch.zeros(gradient.shape, dtype=torch.float64)

    def loss(step):
        if statistic == "input_grad":
            hook = model.get_submodule(name).register_forward_pre_hook(lambda _, args: (args[0] + step * direction,))
        else:
            hook = model.get_submodule(name).register_forward_hook(lambda _, __, out: out + step * direction)
        with hook, torch.no_grad():
            return functional.cross_entropy(model(images), labels).item()

    for index in np.random.default_rng(0).choice(gradient.numel(), size=min(6, gradient.numel()), replace=False):
        direction.zero_().view(-1)[index] = 1.0
        slope = (loss(1e-5) - loss(-1e-5)) / 2e-5
        assert gradient.flatten()[index].item() == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_an_input_that_two_layers_read_has_each_ones_own_gradient(found):
    """The gradient at the normalisation's output is the sum of those through its two readers."""
    through_qk, through_v = found.tensors["input_grad"][1:3]
    torch.testing.assert_close(through_qk + through_v, found.tensors["norm_output_grad"][0], rtol=1e-12, atol=1e-16)
    assert not torch.equal(through_qk, through_v)


def test_counts_by_hand(found):
    expected = {
        "params": [30, 84, 42, 70, 66, 21],
        "fan_in": [4, 6, 6, 6, 10, 6],
        "fan_out": [24, 12, 6, 10, 6, CLASSES],
        "tokens": [4, 4, 4, 4, 4, 1],
        "macs": [96, 288, 144, 240, 240, 18],
        "attention_heads": [2],
        "attention_tokens": [4],
        "norm_width": [6],
        "norm_tokens": [4],
        "activation_width": [10],
        "activation_tokens": [4],
        # What a choice about the network would be: of this one, which was not compressed, all that there is.
        "bits": [64] * 6,
        "quantisation_error": [0] * 6,
        "rank": [4, 6, 6, 6, 6, CLASSES],
        "weight_energy": [1] * 6,
        "output_energy": [1] * 6,
    }
    assert {name: counts.tolist() for name, counts in found.counts.items()} == expected


def test_a_loss_of_ones_own_is_differentiated():
    images, labels = batch(dtype=torch.float64)
    model = tiny(dtype=torch.float64)
    got = collect(model, images, labels, ["weight_grad"], loss=lambda out, target: (out.sum(1) * target).sum())
    (model(images).sum(1) * labels).sum().backward()
    for name, gradient in zip(LINEARS, got.tensors["weight_grad"], strict=True):
        torch.testing.assert_close(gradient, model.get_submodule(name).weight.grad, rtol=1e-12, atol=1e-15)


def test_arrays_and_tensors_give_the_same():
    images, labels = batch()
    model = tiny()
    a = collect(model, images, labels, ["output_grad"])
    b = collect(model, images.numpy(), labels.numpy().astype(np.uint8), ["output_grad"])
    c = collect(model, images.numpy(), labels.tolist(), ["output_grad"])
    for one, two, three in zip(
        a.tensors["output_grad"], b.tensors["output_grad"], c.tensors["output_grad"], strict=True
    ):
        assert torch.equal(one, two)
        assert torch.equal(one, three)

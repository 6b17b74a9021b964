"""Models that autoprox did not build: nodes, roles, values, gradients and counts, against what they say themselves."""

import copy
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import autoprox
from autoprox.base.errors import CollectionError
from autoprox.inspect import find_nodes
from autoprox.inspect.nodes import Role, Site, declare
from autoprox.scorers import ZOO
from autoprox.statistics import STATISTICS, UNPAIRED, collect
from tests.inspect.test_preservation import Interruption, photograph
from tests.statistics import foreign

EVERY = pytest.mark.parametrize("name", foreign.MAKERS)
DATA = [key for key, each in STATISTICS.items() if each.pass_.name in ("static", "data")]
FUSED = [name for name in foreign.MAKERS if name.endswith("-fused")]
BLOCK = ["norm attention", "linear attention", "attention attention", "linear attention"]
MLP = ["norm mlp", "linear mlp", "activation mlp", "linear mlp"]
HF_BLOCK = ["norm attention", *["linear attention"] * 3, "attention attention", "linear attention", *MLP]
GATED = [
    *["norm attention", "linear attention", "linear attention", "attention attention", "linear attention"],
    *["norm mlp", "linear mlp", "activation mlp", "linear mlp", "linear mlp"],
]
NORMALISED = ["norm attention", "linear attention", "norm attention", "norm attention", *BLOCK[2:], *MLP]
ENDS = ["linear embed"], ["norm head", "linear head"]
EXPECTED = {
    "plain": [*ENDS[0], *2 * [*BLOCK, *MLP], *ENDS[1]],
    "one-block": [
        *["linear embed", "norm embed", "activation embed", "linear embed", *GATED, "linear pool", *GATED],
        *["norm head", "linear head", "linear head"],
    ],
    "timm": ["linear embed", "norm embed", *2 * NORMALISED, *ENDS[1]],
    "encoder": [*ENDS[0], *2 * [*BLOCK, *MLP], "linear head"],
    "encoder-post": [
        *["linear embed", *BLOCK[1:], *MLP, "norm attention", *BLOCK[1:], *MLP, "norm head", "linear head"],
    ],
    "vit": [*ENDS[0], *2 * HF_BLOCK, *ENDS[1]],
    "deit": [*ENDS[0], *2 * HF_BLOCK, *ENDS[1]],
    "swin": ["linear embed", "norm embed", *HF_BLOCK, "norm pool", "linear pool", *2 * HF_BLOCK, *ENDS[1]],
}
"""Site and role of every node in the order of the forward pass, read off the models' code."""


def found_in(model, images=None):
    return find_nodes(model, lambda _: foreign.batch()[0] if images is None else images)


def precision(name):
    """A model that always normalises attention in float32 gains nothing from a wider dtype."""
    return torch.float32 if name.partition("-")[0] in ("vit", "deit", "swin") else torch.float64


@cache
def everything(name, dtype=None):
    dtype, (images, labels) = dtype or precision(name), foreign.batch()
    return collect(foreign.seeded(name).to(dtype), images.to(dtype), labels, UNPAIRED)


def logits(output):
    return output if isinstance(output, torch.Tensor) else output.logits


@EVERY
def test_nodes_and_roles_are_those_that_a_reader_of_the_code_finds(name):
    model = foreign.seeded(name)
    nodes = found_in(model)
    assert [f"{node.site} {node.role}" for node in nodes] == EXPECTED[name.removesuffix("-fused")]
    assert len({node.name for node in nodes}) == len(nodes)


@EVERY
def test_every_weight_of_a_layer_is_one_node(name):
    """No matrix is missed and none is counted twice: the rest is norms, positions, tokens and scales."""
    model = foreign.seeded(name)
    weights = [node.module.weight for node in found_in(model) if node.site is Site.LINEAR]
    expected = [
        parameter
        for key, parameter in model.named_parameters()
        if parameter.ndim > 1 and "pos" not in key and "token" not in key
    ]
    assert len(weights) == len(expected)
    assert {id(weight) for weight in weights} == {id(parameter) for parameter in expected}


@pytest.mark.parametrize("name", FUSED)
def test_fused_attention_gives_what_its_eager_twin_gives(name):
    fused, eager = everything(name), everything(name.removesuffix("-fused"))
    for key, tensors in fused.tensors.items():
        for got, expected in zip(tensors, eager.tensors[key], strict=True):
            torch.testing.assert_close(got, expected)
    for key, counts in fused.counts.items():
        assert (counts == eager.counts[key]).all()


@pytest.mark.parametrize("name", ["vit", "deit", "swin"])
def test_attention_is_what_hugging_face_says_it_is(name):
    model, (images, labels) = foreign.seeded(name), foreign.batch()
    output = model(images, output_attentions=True)
    gradients = torch.autograd.grad(functional.cross_entropy(output.logits, labels), output.attentions)
    found = everything(name)
    # Swin gives the last attention of each stage alone.
    kept = slice(None) if name != "swin" else [0, 2]
    for key, reference in (("attention", output.attentions), ("attention_grad", gradients)):
        tensors = np.array([None, *found.tensors[key]], dtype=object)[1:][kept]
        assert len(tensors) == len(reference) > 0
        for got, expected in zip(tensors, reference, strict=True):
            torch.testing.assert_close(got, expected)


def encoder_by_hand(model, images):
    """The forward pass of `EncoderVit` in bare arithmetic; gives logits and attention probabilities."""
    x = model.patches(images).flatten(2).transpose(1, 2) + model.position
    probabilities = []
    for layer in model.encoder.layers:
        q, k, v = (
            part.unflatten(-1, (2, 6)).transpose(1, 2)
            for part in (layer.norm1(x) @ layer.self_attn.in_proj_weight.T + layer.self_attn.in_proj_bias).split(12, -1)
        )
        scores = torch.einsum("bhid,bhjd->bhij", q, k) / 6**0.5
        probabilities.append(scores.exp() / scores.exp().sum(-1, keepdim=True))
        mixed = torch.einsum("bhij,bhjd->bihd", probabilities[-1], v).flatten(2)
        x = x + mixed @ layer.self_attn.out_proj.weight.T + layer.self_attn.out_proj.bias
        hidden = layer.norm2(x) @ layer.linear1.weight.T + layer.linear1.bias
        x = x + hidden.clip(min=0) @ layer.linear2.weight.T + layer.linear2.bias
    return model.head(x.mean(dim=1)), probabilities


def test_torchs_own_encoder_equals_a_forward_pass_by_hand():
    model, (images, labels) = foreign.seeded("encoder").double(), foreign.batch()
    output, probabilities = encoder_by_hand(model, images.double())
    torch.testing.assert_close(output, model(images.double()))
    loss = functional.cross_entropy(output, labels)
    gradients = torch.autograd.grad(loss, probabilities, retain_graph=True)
    loss.backward()
    found = everything("encoder")
    for got, expected in zip(found.tensors["attention"], probabilities, strict=True):
        torch.testing.assert_close(got, expected)
    for got, expected in zip(found.tensors["attention_grad"], gradients, strict=True):
        torch.testing.assert_close(got, expected)
    for node, got in zip(found.nodes[Site.LINEAR], found.tensors["weight_grad"], strict=True):
        name = node.name if node.name.endswith("weight") else f"{node.name}.weight"
        torch.testing.assert_close(got, model.get_parameter(name).grad)


def with_batch_statistics(model):
    """The model as scores see it: batch norms without running statistics of their own take those of the batch."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train()
    return model


@EVERY
def test_gradients_of_weights_equal_plain_backward(name):
    model, (images, labels) = with_batch_statistics(foreign.seeded(name)).to(precision(name)), foreign.batch()
    images = images.to(precision(name))
    functional.cross_entropy(logits(model(images)), labels).backward()
    expected = [node.module.weight.grad for node in found_in(model, images) if node.site is Site.LINEAR]
    for got, gradient in zip(everything(name).tensors["weight_grad"], expected, strict=True):
        torch.testing.assert_close(got, gradient)


@EVERY
def test_gradient_of_a_weight_is_that_of_its_output_times_its_input(name):
    """A law that ties three taps of one linear layer together, whether it is called as a module or by a function."""
    found = everything(name)
    for node, weight, given, gradient in zip(
        found.nodes[Site.LINEAR],
        *(found.tensors[key] for key in ("weight_grad", "input", "output_grad")),
        strict=True,
    ):
        if weight.ndim == 2:
            product = gradient.flatten(0, -2).T @ given.flatten(0, -2)
            torch.testing.assert_close(product, weight, msg=node.name)


@EVERY
def test_the_output_with_taps_is_the_output_without(name):
    model, (images, labels) = foreign.seeded(name), foreign.batch()
    outputs = []

    def loss(output, targets):
        outputs.append(logits(output).detach().clone())
        return functional.cross_entropy(logits(output), targets)

    collect(model, images, labels, DATA, loss=loss)
    expected = logits(with_batch_statistics(model)(images))
    if any("scaled_dot_product" in node.name for node in found_in(model)):
        torch.testing.assert_close(outputs[0], expected)
    else:
        assert torch.equal(outputs[0], expected)


@EVERY
def test_counts_are_those_of_torchs_flop_counter(name):
    """Counts in the eager twin, where exactly the attention products are batched products."""
    twin, (images, _) = foreign.seeded(name.removesuffix("-fused")), foreign.batch()
    with FlopCounterMode(display=False) as counter:
        twin(images)
    flops = {str(operator): count for operator, count in counter.get_flop_counts()["Global"].items()}
    attention = sum(count for operator, count in flops.items() if "bmm" in operator or "dot_product" in operator)
    found = everything(name)
    assert 2 * len(images) * found.counts["macs"].sum() == sum(flops.values()) - attention
    widths = [tensor.shape[-1] for tensor in found.tensors["attention"]]
    assert found.counts["attention_tokens"].tolist() == widths
    modules = [node.module for node in found_in(foreign.seeded(name)) if node.site is Site.LINEAR]
    assert found.counts["params"].tolist() == [sum(p.numel() for p in each.parameters()) for each in modules]


@pytest.mark.parametrize("name", ["plain-fused", "encoder", "swin-fused"])
def test_everything_can_be_differentiated_twice(name):
    """Hessian times vector, with taps, against central differences of the gradient without."""
    from autoprox.statistics._taps import Taps

    model, (images, labels) = foreign.seeded(name).double(), foreign.batch()
    images = images.double()
    parameters = list(model.parameters())
    generator = torch.Generator().manual_seed(3)
    vector = [torch.randn(each.shape, generator=generator, dtype=each.dtype) for each in parameters]

    def gradient():
        loss = functional.cross_entropy(logits(model(images)), labels)
        return torch.autograd.grad(loss, parameters, allow_unused=True)

    with Taps(model, found_in(model, images), []).watching():
        loss = functional.cross_entropy(logits(model(images)), labels)
    first = torch.autograd.grad(loss, parameters, create_graph=True)
    product = torch.autograd.grad(first, parameters, vector)
    moved = []
    for sign in (1, -1):
        with torch.no_grad():
            for parameter, direction in zip(parameters, vector, strict=True):
                parameter.add_(direction, alpha=sign * 1e-5)
        moved.append(gradient())
        with torch.no_grad():
            for parameter, direction in zip(parameters, vector, strict=True):
                parameter.sub_(direction, alpha=sign * 1e-5)
    for got, plus, minus in zip(product, *moved, strict=True):
        torch.testing.assert_close(got, (plus - minus) / 2e-5, rtol=1e-4, atol=1e-6)


@EVERY
def test_nothing_is_changed(name):
    model, (images, labels) = foreign.seeded(name), foreign.batch()
    model(images)  # Swin sets attributes of its own when it is first called.
    model.train()
    first, second, *_ = model.parameters()
    first.requires_grad_(requires_grad=False)
    second.grad = torch.ones_like(second)
    before = photograph(model)
    collect(model, images, labels, UNPAIRED)
    assert photograph(model) == before


@pytest.mark.parametrize("error", [RuntimeError, KeyError, Interruption])
@pytest.mark.parametrize("name", ["encoder", "vit-fused"])
def test_nothing_is_changed_by_a_failure(name, error):
    model, (images, labels) = foreign.seeded(name), foreign.batch()
    calls_left = [0]

    def fail(*_):
        calls_left[0] -= 1
        if calls_left[0] == 0:
            raise error("on purpose")

    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    last.register_forward_pre_hook(fail)
    before = photograph(model)
    for moment in (1, 2):  # in the pass that finds the nodes, and in the one that takes the statistics
        calls_left[0] = moment
        with pytest.raises(CollectionError if error is RuntimeError else error, match="on purpose"):
            collect(model, images, labels, UNPAIRED)
        assert photograph(model) == before
        assert len(torch.overrides._get_current_function_mode_stack()) == 0


@EVERY
def test_mode_and_frozen_parameters_change_no_value(name):
    model, (images, labels) = foreign.seeded(name), foreign.batch()
    expected = collect(model, images, labels, DATA)
    found = collect(model.train().requires_grad_(requires_grad=False), images, labels, DATA)
    assert found.nodes == expected.nodes
    for key, tensors in expected.tensors.items():
        assert all(torch.equal(a, b) for a, b in zip(tensors, found.tensors[key], strict=True)), key


@EVERY
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(name, dtype):
    reference = everything(name)
    for key, tensors in everything(name, dtype).tensors.items():
        if key not in DATA:
            continue  # Signs, second derivatives and images of ones are ill-conditioned, and tested elsewhere.
        for got, expected in zip(tensors, reference.tensors[key], strict=True):
            # Hugging Face's eager attention is normalised in float32.
            wide = key.startswith("attention") and got.dtype is torch.float32
            assert wide or got.dtype == (STATISTICS[key].pass_.dtype or dtype)
            error = (got.double() - expected.double()).norm()
            assert error <= (0.2 if dtype is torch.bfloat16 else 0.03) * expected.double().norm(), key


@EVERY
def test_one_image_is_enough(name):
    found = collect(foreign.seeded(name), *foreign.batch(1), DATA)
    assert all(tensor.isfinite().all() for tensors in found.tensors.values() for tensor in tensors)
    assert found.counts["macs"].tolist() == everything(name).counts["macs"].tolist()


@pytest.mark.parametrize("name", ["one-block", "encoder", "vit-fused"])
def test_all_proxies_of_the_zoo_score_it(name):
    model, (images, _) = foreign.seeded(name), foreign.batch(6)
    before = photograph(model)
    for proxy in ZOO:
        score = autoprox.load(proxy).score(model, images.numpy(), [0, 1, 2, 0, 1, 2])
        assert np.isfinite(score), proxy
    assert photograph(model) == before


@pytest.mark.parametrize("name", ["plain-fused", "encoder", "encoder-post"])
def test_synflow_equals_its_definition(name):
    """Absolute parameters, one image of ones, the sum of the logits; a projection without a module takes part."""
    model = foreign.seeded(name).double()
    found = everything(name).tensors["synflow_weight_grad"]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    logits(model(torch.ones(1, 1, 8, 8, dtype=torch.float64))).sum().backward()
    expected = [
        node.module.weight.grad
        for node in found_in(model.double(), torch.ones(1, 1, 8, 8).double())
        if node.site is Site.LINEAR
    ]
    for got, gradient in zip(found, expected, strict=True):
        torch.testing.assert_close(got, gradient, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["encoder", "vit-fused"])
def test_gradients_of_images_average_to_that_of_the_batch(name):
    """A law that ties per-sample gradients, taken by torch.func, to the data pass."""
    model, (image, label) = foreign.seeded(name), foreign.batch(1)
    found = collect(model, image.repeat(3, 1, 1, 1), label.repeat(3), ["sample_grad_mean_abs", "weight_grad"])
    for got, gradient in zip(found.tensors["sample_grad_mean_abs"], found.tensors["weight_grad"], strict=True):
        torch.testing.assert_close(got, gradient.abs(), rtol=1e-4, atol=1e-7)


def test_a_copy_has_the_same_statistics():
    """Nothing of a collection hangs on to the model that it was taken of."""
    model, (images, labels) = foreign.seeded("encoder"), foreign.batch()
    expected = collect(model, images, labels, ["output", "attention_grad"])
    found = collect(copy.deepcopy(model), images, labels, ["output", "attention_grad"])
    for key, tensors in expected.tensors.items():
        assert all(torch.equal(a, b) for a, b in zip(tensors, found.tensors[key], strict=True)), key


def test_declared_roles_win():
    model = foreign.seeded("encoder")
    declare(model.encoder.layers[1].self_attn, Role.POOL)
    declare(model.encoder.layers[0].linear1, Role.EMBED)
    roles = {node.name: node.role for node in found_in(model)}
    assert {role for name, role in roles.items() if name.startswith("encoder.layers.1.self_attn")} == {Role.POOL}
    assert roles["encoder.layers.0.linear1"] is Role.EMBED
    # Roles are derived from declared ones: of the norm before and the activation after.
    assert roles["encoder.layers.1.norm1"] is Role.POOL
    assert roles["encoder.layers.0:relu"] is Role.EMBED
    assert roles["encoder.layers.0.linear2"] is Role.MLP


def test_timm():
    timm = pytest.importorskip("timm", reason="timm is not installed; its manner is tested on a model like its own")
    torch.manual_seed(0)
    model = timm.create_model(
        "vit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=12, depth=2, num_heads=2, num_classes=5, in_chans=1
    )
    images = torch.randn(2, 1, 32, 32)
    nodes = found_in(model, images)
    assert [f"{node.site} {node.role}" for node in nodes] == [*ENDS[0], *2 * [*BLOCK, *MLP], *ENDS[1]]
    assert np.isfinite(autoprox.load("snip").score(model, images, [0, 1]))


@pytest.mark.parametrize("body", [nn.ReLU, nn.Flatten, nn.Softmax])
def test_a_model_without_any_linear_is_told_so(body):
    model = nn.Sequential(nn.Flatten(), body())
    with pytest.raises(CollectionError, match="has no Linear and no Conv2d"):
        collect(model, torch.ones(2, 4), torch.tensor([0, 1]), ["weight_grad"])

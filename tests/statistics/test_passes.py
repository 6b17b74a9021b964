"""Each statistic of the passes beside the data pass, against a computation from its definition that shares no code.

References copy the model, run plain `backward`, and stack what they find in NumPy.
"""

from copy import deepcopy
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import autoprox
from autoprox.base.errors import CollectionError
from autoprox.graph import Proxy, parse
from autoprox.inspect.nodes import Role, Site, declare
from autoprox.statistics import STATISTICS, collect
from autoprox.statistics._spread import Spread, spread_mean_abs, spread_mean_sign, spread_mean_square, spread_std
from autoprox.statistics.passes import PAIRED, samples
from autoprox.statistics.passes import _slices as slices
from autoprox.statistics.passes import _substitutes as made
from tests.statistics import networks
from tests.statistics.networks import Around, batch, seeded, tiny

FAMILIES = ["autoformer-micro", "pit-micro", "tiny"]
SLICED = [name for name, each in STATISTICS.items() if each.spread is not None]
on_every_family = pytest.mark.parametrize("family", FAMILIES)


@cache
def network(family):
    """A small network in double precision, and 5 images: odd, so that two batches differ in size."""
    if family == "tiny":
        return tiny(dtype=torch.float64), *batch(dtype=torch.float64)
    owner, rng = autoprox.space(family), np.random.default_rng(2)
    arch = min((owner.sample(rng) for _ in range(20)), key=owner.backbone_params)
    model = owner.build(arch, num_classes=4, img_size=8, in_chans=1, seed=1).double().eval()
    return model, torch.from_numpy(rng.normal(size=(5, 1, 8, 8))), torch.tensor([0, 3, 1, 1, 2])


def weights_of(model):
    return [module.weight for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]


def gradients(model, value):
    """By plain backward, at the weights of a copy; zero where nothing flows."""
    copy = deepcopy(model).eval()
    for parameter in copy.parameters():
        parameter.grad = None
    value(copy).backward()
    return [torch.zeros_like(w) if w.grad is None else w.grad for w in weights_of(copy)]


def entropy(images, labels):
    return lambda model: functional.cross_entropy(model(images), labels)


def close(found, expected, rtol=1e-9, atol=1e-14):
    assert len(found) == len(expected) > 0
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, torch.as_tensor(b), rtol=rtol, atol=atol)


# What the passes run on


def test_noise_is_standard_normal_and_repeats():
    images = torch.rand(64, 3, 16, 16)
    noise = made.noise_images(images)
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01
    assert abs((noise**4).mean() - 3) < 0.1
    state = torch.get_rng_state()
    assert torch.equal(made.noise_images(-images), noise)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(made.noise_images(images.double()), noise.double())
    assert not torch.equal(made.noise_images(images[:, :1]), noise[:, :1])


def test_perturbed_images_are_the_images_and_a_tenth_of_noise():
    images = torch.rand(32, 3, 16, 16, dtype=torch.float64)
    added = made.perturbed_images(images) - images
    assert added.std().item() == pytest.approx(0.1, rel=0.02)
    assert added.mean().item() == pytest.approx(0, abs=0.002)
    assert made.perturbed_images(images.half()).dtype == torch.float16


@on_every_family
@pytest.mark.parametrize("pass_name", ["noise", "perturbed"])
def test_statistics_of_noise_are_those_of_the_data_pass_on_it(family, pass_name):
    model, images, labels = network(family)
    names = [name for name, each in STATISTICS.items() if each.pass_.name == pass_name]
    assert len(names) == 7
    given = made.noise_images(images) if pass_name == "noise" else made.perturbed_images(images)
    expected = collect(model, given, labels, [name.removeprefix(f"{pass_name}_") for name in names])
    found = collect(model, images, labels, names)
    for name in names:
        close(found.tensors[name], expected.tensors[name.removeprefix(f"{pass_name}_")], rtol=0, atol=0)
    close(found.tensors[f"{pass_name}_weight_grad"], gradients(model, entropy(given, labels)))


# Ones


@on_every_family
def test_virtual_gradient(family):
    model, images, labels = network(family)
    found = collect(model, images, labels, ["virtual_weight_grad"])
    ones = torch.ones(1, *images.shape[1:], dtype=torch.float64)
    close(found.tensors["virtual_weight_grad"], gradients(model, lambda copy: copy(ones).sum()))


def synflow_gradients(model, shape):
    """As zero-cost-nas does it: every parameter made absolute in place, in double, ones forward."""
    copy = deepcopy(model).double()
    with torch.no_grad():
        for parameter in copy.parameters():
            parameter.abs_()
    return gradients(copy, lambda linear: linear(torch.ones(1, *shape, dtype=torch.float64)).sum())


@on_every_family
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_synflow_gradient(family, dtype):
    model, images, labels = network(family)
    model = deepcopy(model).to(dtype)
    found = collect(model, images.to(dtype), labels, ["synflow_weight_grad"]).tensors["synflow_weight_grad"]
    close(found, synflow_gradients(model, images.shape[1:]))


def test_synflow_neither_overflows_nor_follows_the_images():
    body = nn.Sequential(*(nn.Linear(4, 4) for _ in range(200)))
    model = seeded(lambda: Around(body))
    with torch.no_grad():
        for each in body:
            each.weight.mul_(20)
    found = collect(model, *batch(), ["synflow_weight_grad"]).tensors["synflow_weight_grad"]
    assert all(gradient.isfinite().all() for gradient in found)
    assert max(gradient.max() for gradient in found) > torch.finfo(torch.float32).max
    again = collect(model, torch.zeros(1, 1, 4, 4), [0], ["synflow_weight_grad"]).tensors["synflow_weight_grad"]
    close(again, found, rtol=0, atol=0)


def test_synflow_of_a_shared_weight_is_that_of_one_weight():
    model = seeded(lambda: Around(networks.Shared()))
    found = collect(model, *batch(), ["synflow_weight_grad"]).tensors["synflow_weight_grad"]
    close(found, synflow_gradients(model, (1, 4, 4)))


# The second derivative


@on_every_family
def test_hessian_gradient_product_equals_finite_differences_of_the_gradient(family):
    model, images, labels = network(family)
    gradient = gradients(model, entropy(images, labels))

    def shifted(step):
        copy = deepcopy(model)
        with torch.no_grad():
            for weight, direction in zip(weights_of(copy), gradient, strict=True):
                weight.add_(direction, alpha=step)
        return gradients(copy, entropy(images, labels))

    slopes = [(b - a) / 2e-5 for a, b in zip(shifted(-1e-5), shifted(1e-5), strict=True)]
    found = collect(model, images, labels, ["weight_hvp"]).tensors["weight_hvp"]
    for a, b in zip(found, slopes, strict=True):
        assert (a - b).norm() <= 1e-5 * a.norm()


def test_hessian_gradient_product_of_a_quadratic_loss_by_hand():
    """L = |W x|^2 / 2 has the gradient W x x', and the Hessian takes it to (W x x') x x'."""
    model = declare(nn.Sequential(nn.Linear(3, 2, bias=False)), Role.HEAD).double()
    x = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    found = collect(model, x, None, ["weight_hvp"], loss=lambda out, _: out.square().sum() / 2)
    outer = x.T @ x
    close(found.tensors["weight_hvp"], [model[0].weight.detach() @ outer @ outer])


def test_hessian_of_a_linear_loss_is_zero():
    model = declare(nn.Sequential(nn.Linear(3, 2)), Role.HEAD)
    found = collect(model, torch.ones(1, 3), None, ["weight_hvp"], loss=lambda out, _: out.sum())
    assert not found.tensors["weight_hvp"][0].any()


class Fused(nn.Module):
    """Attention inside one of torch's fused kernels."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(4, 12)

    def forward(self, x):
        q, k, v = (part[:, None] for part in self.qkv(x).chunk(3, dim=-1))
        return functional.scaled_dot_product_attention(q, k, v)[:, 0]


class Eager(Fused):
    """The same function."""

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return torch.softmax(q @ k.transpose(1, 2) / 2, dim=-1) @ v


@pytest.mark.parametrize("name", [name for name, each in STATISTICS.items() if each.shape == "weight"])
def test_fused_attention_gives_what_eager_attention_gives(name):
    fused, eager = seeded(lambda: Around(Fused())), seeded(lambda: Around(Eager()))
    eager.load_state_dict(fused.state_dict())
    found, expected = (collect(model, *batch(), [name]).tensors[name] for model in (fused, eager))
    close(found, expected, rtol=2e-4, atol=1e-6)


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        return 2 * gradient * ctx.saved_tensors[0]


class Rough(nn.Module):
    """Has a first derivative and no second, and no form for many images at once."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return Once.apply(self.fc(x))


def test_a_model_without_a_second_derivative_is_told_so():
    with pytest.raises(CollectionError, match=r"Around has no second derivative, which 'weight_hvp' needs.*eager"):
        collect(seeded(lambda: Around(Rough())), *batch(), ["weight_hvp"])


# Slices of the batch


def sliced(model, images, labels, cuts):
    """For each weight, the gradients of slices stacked, `(slices, *weight)`."""
    found = [gradients(model, entropy(images[cut], labels[cut])) for cut in cuts]
    return [np.stack([each.numpy() for each in of_weight]) for of_weight in zip(*found, strict=True)]


REDUCED = {
    "mean_abs": lambda g: np.abs(g).mean(0),
    "std": lambda g: np.std(g, axis=0),
    "mean_square": lambda g: (g**2).mean(0),
    # Rounding decides the sign of values that are zero except for rounding.
    "mean_sign": lambda g: np.sign(np.where(np.abs(g) < 1e-13, 0, g)).mean(0),
}


def check_slices(model, images, labels, atol=1e-12):
    found = collect(model, images, labels, SLICED)
    singles = sliced(model, images, labels, [slice(i, i + 1) for i in range(len(images))])
    halves = sliced(model, images, labels, [slice(0, 3), slice(3, None)])
    for name in SLICED:
        which, _, reduced = name.partition("_grad_")
        stacks = singles if which == "sample" else halves
        for tensor, stack in zip(found.tensors[name], stacks, strict=True):
            expected = torch.from_numpy(REDUCED[reduced](stack)).to(tensor.dtype)
            keep = torch.from_numpy((np.abs(stack) > 1e-13).all(0) | (stack == 0).all(0) | (reduced != "mean_sign"))
            assert keep.float().mean() > 0.4
            torch.testing.assert_close(tensor[keep], expected[keep], rtol=1e-8, atol=atol)


@on_every_family
@pytest.mark.parametrize("elements", [samples.CHUNK_ELEMENTS, 2, 1])
def test_slices_against_single_backward_passes(family, elements, monkeypatch):
    """All images at once, two at once (and one that is left), and one after the other."""
    model, images, labels = network(family)
    total = sum(weight.numel() for weight in weights_of(model))
    monkeypatch.setattr(samples, "CHUNK_ELEMENTS", elements if elements > 2 else elements * total)
    check_slices(model, images, labels)


@on_every_family
def test_own_families_are_run_many_images_at_once(family, monkeypatch):
    monkeypatch.delattr(samples, "spread_over")
    collect(*network(family), ["sample_grad_std"])


class Branching(nn.Module):
    """Looks at values, which torch.func does not allow."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(x) if x.mean().item() > 0 else torch.tanh(self.fc(x))


HARD = [Branching, Fused, networks.InPlace, networks.Busy, networks.Detached, networks.Unused, networks.SharedGelu]


@pytest.mark.parametrize("body", HARD)
def test_slices_of_models_that_make_it_hard(body):
    model = seeded(lambda: Around(body())).double()
    images, labels = batch(dtype=torch.float64)
    found = collect(model, images, labels, SLICED)
    # Layers that are not called come last among the nodes, and where they stand in the model here.
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    places = [names.index(node.name) for node in found.nodes[Site.LINEAR]]
    singles = sliced(model, images, labels, [slice(i, i + 1) for i in range(5)])
    close(found.tensors["sample_grad_std"], [np.std(singles[i], axis=0) for i in places], rtol=1e-8, atol=1e-12)
    halves = sliced(model, images, labels, [slice(0, 3), slice(3, None)])
    close(found.tensors["batch_grad_mean_abs"], [np.abs(halves[i]).mean(0) for i in places], rtol=1e-8, atol=1e-12)


def test_a_custom_function_without_a_batched_form_is_run_image_by_image():
    model = seeded(lambda: Around(Rough())).double()
    images, labels = batch(dtype=torch.float64)
    found = collect(model, images, labels, ["sample_grad_mean_abs"]).tensors["sample_grad_mean_abs"]
    singles = sliced(model, images, labels, [slice(i, i + 1) for i in range(5)])
    close(found, [np.abs(g).mean(0) for g in singles], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("labels", [[0, 1, 2, 0, 1], (2.0, 1.0, 0.0, 1.0, 2.0), torch.arange(5), None])
def test_slices_with_a_loss_of_ones_own(labels):
    model, (images, _) = tiny(dtype=torch.float64), batch(dtype=torch.float64)

    def loss(output, targets):
        weight = 1.0 if targets is None else torch.as_tensor(targets, dtype=torch.float64)[:, None]
        return (output.square() * weight).sum()

    found = collect(model, images, labels, ["sample_grad_mean_abs", "batch_grad_std"], loss=loss)
    cut = lambda at: None if labels is None else labels[at]  # noqa: E731
    singles = [gradients(model, lambda m, i=i: loss(m(images[i : i + 1]), cut(slice(i, i + 1)))) for i in range(5)]
    expected = [torch.stack(each).abs().mean(0) for each in zip(*singles, strict=True)]
    close(found.tensors["sample_grad_mean_abs"], expected, rtol=1e-8, atol=1e-12)
    halves = [gradients(model, lambda m, s=s: loss(m(images[s]), cut(s))) for s in (slice(0, 3), slice(3, 5))]
    expected = [torch.stack(each).std(0, correction=0) for each in zip(*halves, strict=True)]
    close(found.tensors["batch_grad_std"], expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("labels", ["abcde", torch.arange(4), {"labels": 1}, 3])
@pytest.mark.parametrize("name", ["sample_grad_std", "batch_grad_std"])
def test_labels_that_cannot_be_cut(labels, name):
    with pytest.raises(CollectionError, match=r"one entry for each of the 5 images"):
        collect(tiny(), batch()[0], labels, [name], loss=lambda out, _: out.sum())


@pytest.mark.parametrize("images", [1, 2])
def test_one_image_is_refused_by_the_names_of_what_needs_two(images):
    names = ["weight_grad", *SLICED]
    if images == 2:
        collect(tiny(), *batch(2), names)
        return
    with pytest.raises(CollectionError, match="at least 2 of them, and the batch has 1") as refused:
        collect(tiny(), *batch(1), names)
    assert all(f"'{name}'" in str(refused.value) for name in SLICED)
    assert "weight_grad" not in str(refused.value)


@pytest.mark.parametrize("cuts", [[6], [1, 5], [3, 3], [1] * 6, [2, 1, 3]])
def test_moments_do_not_depend_on_how_gradients_come(cuts):
    """Also where the mean is far larger than the spread, which sums of squares do not survive."""
    stack = torch.from_numpy(np.random.default_rng(0).normal(1e4, 1.0, size=(6, 3, 4))).float()
    spread = Spread()
    for part in stack.split(cuts):
        spread.add(part)
    wide = stack.double()
    torch.testing.assert_close(spread_std(spread).double(), wide.std(0, correction=0), rtol=3e-3, atol=0)
    torch.testing.assert_close(spread_mean_square(spread).double(), wide.square().mean(0), rtol=1e-6, atol=0)
    torch.testing.assert_close(spread_mean_abs(spread).double(), wide.abs().mean(0), rtol=1e-6, atol=0)
    assert (spread_mean_sign(spread) == 1).all()


def test_half_precision_keeps_squares_that_it_cannot_hold():
    spread = Spread()
    spread.add(torch.tensor([[1e-5], [-1e-5]], dtype=torch.float16))
    assert spread_std(spread).item() == pytest.approx(1e-5, rel=0.01)


# What they are for


def by_node(found, function):
    return [float(function(*map(np.asarray, tensors))) for tensors in zip(*found, strict=True)]


@on_every_family
def test_published_proxies_are_graphs(family):
    model, images, labels = network(family)
    weights = [weight.detach() for weight in weights_of(model)]
    flows = by_node([weights, synflow_gradients(model, images.shape[1:])], lambda w, g: (np.abs(w) * g).sum())
    logs = by_node(
        [weights, synflow_gradients(model, images.shape[1:])], lambda w, g: (np.abs(w) * np.log(np.abs(g) + 1)).sum()
    )
    hvp = collect(model, images, labels, ["weight_hvp"]).tensors["weight_hvp"]
    singles = sliced(model, images, labels, [slice(i, i + 1) for i in range(5)])
    halves = sliced(model, images, labels, [slice(0, 3), slice(3, None)])
    zico = sum(np.log((np.abs(g).mean(0)[g.std(0) > 0] / g.std(0)[g.std(0) > 0]).sum()) for g in halves)
    fisher = sum((g**2).mean(0).sum() for g in singles)
    one = "abs(sign(weight))"
    for text, expected in (
        ("nodes_sum(sum(mul(abs(weight), synflow_weight_grad)))", sum(flows)),
        (f"nodes_sum(sum(mul(abs(weight), log(add(abs(synflow_weight_grad), {one})))))", sum(logs)),
        ("nodes_sum(neg(sum(mul(weight, weight_hvp))))", -sum(by_node([weights, hvp], lambda w, h: (w * h).sum()))),
        ("nodes_sum(sum(sample_grad_mean_square))", fisher),
        ("nodes_sum(log(sum(mul(batch_grad_mean_abs, reciprocal(batch_grad_std)))))", zico),
    ):
        # A ratio of gradients that are zero except for rounding is guarded: see `reciprocal`.
        relative = 1e-3 if "reciprocal" in text else 1e-7
        assert Proxy("p", parse(text)).score(model, images, labels) == pytest.approx(expected, rel=relative), text


# What is refused, and what is kept


ONE_EACH = [
    next(name for name, each in STATISTICS.items() if each.pass_ == p and each.tap)
    for p in dict.fromkeys(e.pass_ for e in STATISTICS.values())
    if p.least_images and p is not PAIRED
]
BY_LABELS = [name for name in ONE_EACH if STATISTICS[name].pass_.loss is None]


@pytest.mark.parametrize("name", ONE_EACH)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x * float("nan"), "NaN or infinity, first in image 0"),
        (lambda x: x.double(), r"torch\.float64 and the model is torch\.float32"),
        (lambda x: x.to("meta"), "images are on meta and the model is on cpu"),
        (lambda x: x[:, :, :1], "TinyVit failed on images of shape"),
        (lambda x: x[:0], "give at least one"),
    ],
)
def test_images_that_do_not_fit(name, change, message):
    with pytest.raises(CollectionError, match=message):
        collect(tiny(), change(batch()[0]), batch()[1], [name])


@pytest.mark.parametrize("name", [name for name in BY_LABELS if STATISTICS[name].stage == "backward"])
@pytest.mark.parametrize("label", [-1, 3, -100])
def test_labels_out_of_range_are_named_by_their_image(name, label):
    images, labels = batch()
    labels[4] = label
    allowed = "labels are 0 or more" if label < 0 else "the model has 3 classes"
    with pytest.raises(CollectionError, match=f"Label {label} of image 4 is out of range: {allowed}"):
        collect(tiny(), images, labels, [name])


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_model_without_linear_layers(name):
    with pytest.raises(CollectionError, match="has no Linear and no Conv2d"):
        collect(declare(nn.Sequential(nn.Flatten(), nn.GELU()), Role.HEAD), *batch(), [name])


@pytest.mark.parametrize("name", [name for name in STATISTICS if STATISTICS[name].pass_.name in {"synflow", "virtual"}])
def test_outputs_whose_sum_is_wanted(name):
    class Output(dict):
        @property
        def logits(self):
            return self["logits"]

    expected = collect(tiny(), *batch(), [name]).tensors[name]
    model = tiny()
    model.register_forward_hook(lambda _, __, out: Output(logits=out))
    close(collect(model, *batch(), [name]).tensors[name], expected, rtol=0, atol=0)
    model.register_forward_hook(lambda _, __, out: (out,))
    with pytest.raises(CollectionError, match="is a tuple without logits"):
        collect(model, *batch(), [name])


@pytest.mark.parametrize("name", ["weight_hvp", "sample_grad_std", "batch_grad_std"])
def test_a_computed_weight_says_why_it_has_no_gradient(name):
    model = seeded(lambda: Around(nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)))))
    with pytest.raises(CollectionError, match="remove_parametrizations"):
        collect(model, *batch(), [name])


def test_passes_do_not_see_what_others_left():
    """A model that changes itself as it runs is the same at the start of each."""
    model = seeded(lambda: Around(networks.Busy()))
    names = [name for name, each in STATISTICS.items() if each.site is Site.LINEAR and each.tap]
    together = collect(model, *batch(), names)
    for name in names:
        close(collect(model, *batch(), [name]).tensors[name], together.tensors[name], rtol=0, atol=0)


def test_batches_are_consecutive_parts():
    assert slices.BATCH_PARTS == 2
    model, images, labels = network("tiny")
    found = collect(model, images, labels, ["batch_grad_std"]).tensors["batch_grad_std"]
    first, second = (gradients(model, entropy(images[cut], labels[cut])) for cut in (slice(0, 3), slice(3, 5)))
    close(found, [(a - b).abs() / 2 for a, b in zip(first, second, strict=True)])

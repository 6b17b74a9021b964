"""Surroundings, and state beside parameters and buffers, neither change a score nor are changed by it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import prune

import autoprox
from autoprox.base.errors import CollectionError

NAMES = ("snip", "nwot", "jacov")


def batch():
    return torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(1)), torch.arange(6) % 5


class Drawing(nn.Module):
    """Draws noise in its forward pass."""

    def forward(self, x):
        return x + torch.rand(x.shape) + torch.zeros(x.shape[-1])


def net(*middle):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.GELU(), *middle, nn.Linear(16, 5))


def scores(model, names=NAMES):
    return {name: autoprox.load(name).score(model, *batch()) for name in names}


def test_four_threads_score_one_model_alike_and_leave_it_alone():
    model = net(Drawing())
    before = {key: held.clone() for key, held in model.state_dict().items()}
    expected = scores(model)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: scores(model), range(12)))
    assert found == [expected] * 12
    assert all(torch.equal(held, before[key]) for key, held in model.state_dict().items())
    assert model.training
    assert all(each.grad is None and each.requires_grad for each in model.parameters())


def test_what_the_caller_set_changes_no_score():
    model = net(Drawing())
    expected, (x, y) = scores(model), batch()
    torch.rand(7)
    assert scores(model) == expected
    try:
        torch.set_default_dtype(torch.float64)
        assert {name: autoprox.load(name).score(model, x, y) for name in NAMES} == expected
    finally:
        torch.set_default_dtype(torch.float32)
    for context in (
        torch.device("meta"),
        torch.autocast("cpu", torch.bfloat16),
        torch.inference_mode(),
        torch.no_grad(),
    ):
        with context:
            assert {name: autoprox.load(name).score(model, x, y) for name in NAMES} == expected


def test_the_callers_generator_goes_on_as_it_would_have():
    torch.manual_seed(3)
    expected = torch.rand(3)
    model = net(Drawing())
    torch.manual_seed(3)
    scores(model)
    assert torch.equal(torch.rand(3), expected)


def spectral(model):
    nn.utils.parametrizations.spectral_norm(model[1])
    return lambda: [held.clone() for held in model.state_dict().values()]


def old_spectral(model):
    nn.utils.spectral_norm(model[1])
    return lambda: [model[1].weight, *(held.clone() for held in model.state_dict().values())]


def pruned(model):
    prune.l1_unstructured(model[1], "weight", 0.5)
    return lambda: [model[1].weight, *(held.clone() for held in model.state_dict().values())]


def counting(model):
    sums, model[1].calls, model[1].seen = {"sum": torch.zeros(16)}, 0, []

    def hook(_module, _given, output):
        sums["sum"] += output.detach().mean(0)
        model[1].calls += 1
        model[1].seen.append(output)

    model[1].register_forward_hook(hook)
    return lambda: [*model[1].seen, sums["sum"].clone(), torch.tensor(model[1].calls)]


@pytest.mark.parametrize("hidden", [spectral, old_spectral, pruned, counting])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_held_elsewhere_is_as_it_was_also_after_a_refusal(hidden, name):
    model = net().train()
    state = hidden(model)
    before = state()
    refused = name == "snip" and hidden is not counting
    with pytest.raises(CollectionError, match="computed from others") if refused else nullcontext():
        autoprox.load(name).score(model, *batch())
    after = state()
    assert len(after) == len(before)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


class Convolutions(nn.Module):
    """A deep stack of convolutions with batch normalisation, whose gradients vanish without it."""

    def __init__(self, width):
        super().__init__()
        layers = [each for _ in range(4) for each in (nn.Conv2d(width, width, 1), nn.BatchNorm2d(width), nn.ReLU())]
        self.body = nn.Sequential(nn.Conv2d(3, width, 3), *layers)
        self.norm, self.head = nn.BatchNorm1d(width), nn.Linear(width, 5)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=1e-13)
                nn.init.zeros_(module.bias)
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eps = 1e-30

    def forward(self, x):
        return self.head(self.norm(self.body(x).mean((2, 3))))


@pytest.mark.parametrize("width", [4, 8, 12])
def test_untrained_batch_norm_takes_the_statistics_of_the_batch(width):
    torch.manual_seed(0)
    model, (x, y) = Convolutions(width), batch()
    state = {key: held.clone() for key, held in model.state_dict().items()}
    found = autoprox.load("snip").score(model, x, y)
    assert all(torch.equal(held, state[key]) for key, held in model.state_dict().items())
    functional.cross_entropy(model.train()(x), y).backward()
    layers = [each.weight for each in model.modules() if isinstance(each, nn.Conv2d | nn.Linear)]
    assert found == pytest.approx(sum((w * w.grad).abs().sum().item() for w in layers), rel=1e-3)
    assert found > 0


def test_trained_batch_norm_keeps_its_own_statistics():
    torch.manual_seed(0)
    model, (x, y) = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 5)), batch()
    model(x)
    found = autoprox.load("snip").score(model, x, y)
    functional.cross_entropy(model.eval()(x), y).backward()
    expected = sum((model[i].weight * model[i].weight.grad).abs().sum().item() for i in (0, 3))
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_single_value_a_channel_has_no_statistics():
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.BatchNorm1d(16), nn.Linear(16, 5))
    (x, y), values = batch(), {}
    for name in ("snip", "macs", "synflow"):
        values[name] = autoprox.load(name).score(model, x[:1], y[:1])
    assert values["macs"] == 192 * 16 + 16 * 5
    functional.cross_entropy(model.eval()(x[:1]), y[:1]).backward()
    expected = sum((model[i].weight * model[i].weight.grad).abs().sum().item() for i in (1, 3))
    assert values["snip"] == pytest.approx(expected, rel=1e-4)


def test_compiled_models_score_as_they_do_without():
    model, names = net(), ("snip", "nwot", "jacov", "gradsign")
    expected = scores(model, names)
    compiled = torch.compile(model, backend="eager")
    compiled(batch()[0])
    assert scores(compiled, names) == expected
    part = nn.Sequential(model[0], torch.compile(model[1], backend="eager"), *model[2:])
    part(batch()[0])
    assert scores(part, names) == expected


def in_inference_mode():
    with torch.inference_mode():
        return net()


@pytest.mark.parametrize("change", [torch.Tensor.to_sparse, lambda images: images.to("meta")], ids=["sparse", "meta"])
@pytest.mark.parametrize("name", NAMES)
def test_images_are_a_plain_tensor(change, name):
    images, labels = batch()
    with pytest.raises(CollectionError, match="The images are"):
        autoprox.load(name).score(net(), change(images), labels)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.jit.trace(net(), batch()[0]), "TorchScript"),
        (lambda: nn.Sequential(torch.jit.script(net())), "'0' is TorchScript"),
        (lambda: torch.ao.quantization.quantize_dynamic(net(), {nn.Linear}), "is quantised"),
        (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(5)), "'1' has no parameters yet; run the model once"),
        (in_inference_mode, r"created in torch\.inference_mode"),
        (lambda: net().to("meta"), "'1' is on the meta device"),
        (lambda: None, "The model is a NoneType; give a torch.nn.Module"),
        (lambda: nn.Linear, "The model is a type; give a torch.nn.Module"),
    ],
)
@pytest.mark.parametrize("name", ["snip", "nwot", "params"])
def test_what_cannot_be_looked_at_is_refused_in_one_line(make, message, name):
    with pytest.raises(CollectionError, match=message) as caught:
        autoprox.load(name).score(make(), *batch())
    assert "\n" not in str(caught.value)

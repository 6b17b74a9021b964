"""A model is restored bit by bit, whatever happens in between."""

import collections
import types

import pytest
import torch
from torch import nn

from autoprox.base.errors import CollectionError
from autoprox.inspect.preservation import preserved
from autoprox.statistics import STATISTICS, UNPAIRED, collect
from tests.statistics import networks
from tests.statistics.networks import Around, batch, seeded, tiny

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks")
KEYED = ("_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks_with_kwargs")


def bits(tensor):
    return (
        None if tensor is None else (tensor.dtype, tuple(tensor.shape), tensor.detach().contiguous().numpy().tobytes())
    )


def photograph(model):
    """Everything that a collection might have changed, objects by their identity and contents by their bits."""
    state = {"rng": bits(torch.get_rng_state()), "threads": torch.get_num_threads(), "grad": torch.is_grad_enabled()}
    for name, module in model.named_modules():
        state[name, "training"] = module.training
        state[name, "attributes"] = {key: id(value) for key, value in module.__dict__.items() if key != "training"}
        for kind in HOOKS:
            state[name, kind] = [(key, id(hook)) for key, hook in getattr(module, kind).items()]
        for kind in KEYED:
            state[name, kind] = dict(getattr(module, kind))
        state[name, "names"] = [list(module._parameters), list(module._buffers), list(module._modules)]
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        hooks = None if tensor._backward_hooks is None else list(tensor._backward_hooks.items())
        state[name, "tensor"] = (id(tensor), bits(tensor), tensor.requires_grad, tensor.is_leaf, hooks)
        state[name, "grad"] = (id(tensor.grad), bits(tensor.grad))
    return state


def used(model):
    """Brings a model into a state as rich as a user's may be."""
    model.train()
    model.head.eval()
    images, labels = batch()
    nn.functional.cross_entropy(model(images), labels).backward()
    parameters = list(model.parameters())
    parameters[0].requires_grad_(requires_grad=False)
    parameters[1].requires_grad_(requires_grad=False)
    parameters[1].grad = None
    parameters[2].register_hook(lambda gradient: gradient * 2)
    parameters[3].register_post_accumulate_grad_hook(lambda parameter: parameter.data.zero_())
    model.head.register_forward_hook(lambda *_: None)
    model.head.register_forward_pre_hook(lambda *_: None)
    model.head.register_full_backward_hook(lambda *_: None)
    model.head.register_forward_pre_hook(lambda *_: None, with_kwargs=True)
    return model


@pytest.fixture(params=["fresh", "used", "busy", "half"])
def model(request):
    return {
        "fresh": tiny,
        "used": lambda: used(tiny()),
        "busy": lambda: used(seeded(lambda: Around(networks.Busy()))),
        "half": lambda: tiny(dtype=torch.float16),
    }[request.param]()


def dtype_of(model):
    return next(model.parameters()).dtype


def linear_only(model):
    return [name for name in UNPAIRED if isinstance(model, networks.TinyVit) or STATISTICS[name].site == "linear"]


def test_nothing_is_changed(model):
    before = photograph(model)
    collect(model, *batch(dtype=dtype_of(model)), linear_only(model))
    assert photograph(model) == before


ONE_A_PASS = list({each.pass_: name for name, each in STATISTICS.items() if each.shape == "weight"}.values())


@pytest.mark.parametrize("names", [["output"], ["input_grad"], ["macs"], *([name] for name in ONE_A_PASS)])
def test_nothing_is_changed_by_a_part(model, names):
    before = photograph(model)
    collect(model, *batch(dtype=dtype_of(model)), names)
    assert photograph(model) == before


class Interruption(BaseException):
    """Stands for a key press."""


@pytest.mark.parametrize("error", [RuntimeError, KeyError, Interruption])
@pytest.mark.parametrize("moment", ["forward", "backward", "loss"])
def test_nothing_is_changed_by_a_failure(model, moment, error):
    def fail(*_):
        raise error("on purpose")

    if moment == "forward":
        model.head.register_forward_pre_hook(fail)
    if moment == "backward":
        model.head.register_forward_hook(lambda _, __, out: out.register_hook(fail) and None)
    before = photograph(model)
    loss = fail if moment == "loss" else None
    with pytest.raises(CollectionError if error is RuntimeError else error, match="on purpose"):
        collect(model, *batch(dtype=dtype_of(model)), linear_only(model), loss=loss)
    assert photograph(model) == before


@pytest.mark.parametrize("name", ONE_A_PASS[1:])
@pytest.mark.parametrize("moment", ["forward", "backward"])
def test_nothing_is_changed_by_a_failure_in_any_pass(model, moment, name):
    def fail(*_):
        raise RuntimeError("on purpose")

    if moment == "forward":
        model.head.register_forward_pre_hook(fail)
    else:
        model.head.register_forward_hook(lambda _, __, out: out.register_hook(fail) and None)
    before = photograph(model)
    with pytest.raises(CollectionError, match="on purpose"):
        collect(model, *batch(dtype=dtype_of(model)), [name])
    assert photograph(model) == before


def test_the_mode_of_the_model_changes_no_value():
    """Dropout is off, and frozen parameters have gradients all the same."""
    model = tiny()
    expected = collect(model, *batch(), UNPAIRED)
    model.train().requires_grad_(requires_grad=False)
    for _ in range(2):
        found = collect(model, *batch(), UNPAIRED)
        for name, tensors in expected.tensors.items():
            assert all(torch.equal(a, b) for a, b in zip(tensors, found.tensors[name], strict=True)), name


@pytest.mark.parametrize(
    "context", [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu", torch.bfloat16)]
)
def test_the_callers_context_changes_no_value(context):
    model = tiny()
    expected = collect(model, *batch(), ["output", "weight_grad"])
    with context():
        found = collect(model, *batch(), ["output", "weight_grad"])
    for name, tensors in expected.tensors.items():
        assert all(torch.equal(a, b) for a, b in zip(tensors, found.tensors[name], strict=True)), name


def test_a_graph_that_the_caller_holds_stays_usable():
    model = seeded(lambda: Around(networks.Shared()))
    images, labels = batch()
    loss = nn.functional.cross_entropy(model(images), labels)
    collect(model, images, labels, ["weight_grad", "input_grad"])
    loss.backward()
    assert model.head.weight.grad is not None


def test_what_is_put_on_a_model_inside_is_gone_behind(model):
    """Hooks, attributes, parts and gradients, without a word of how to undo them."""
    before = photograph(model)
    parameter = next(model.parameters())
    with preserved(model) as again:
        for _ in range(2):
            model.head.register_forward_hook(lambda *_: None, with_kwargs=True)
            model.head.register_parameter("more", nn.Parameter(torch.ones(1)))
            model.register_buffer("further", torch.ones(1))
            model.part, model.calls = nn.Linear(1, 1), 1
            parameter.grad = torch.ones_like(parameter)
            again()
            assert not hasattr(model, "calls")
        model.head.weight = nn.Parameter(torch.zeros_like(model.head.weight))
    assert photograph(model) == before


def test_what_attributes_lead_to_is_put_back():
    """Containers, objects and functions, the latter by what they close over."""
    model, log = tiny(), []

    def closure():
        sums, tensor = collections.deque([1]), torch.zeros(2)
        return lambda: (sums, tensor)

    model.kept = {"list": [torch.ones(1)], "function": closure(), "object": types.SimpleNamespace(value=1)}
    model.register_forward_hook(lambda *_: log.append(1))
    sums, tensor = model.kept["function"]()
    with preserved(model):
        model.kept["list"][0].data.fill_(3)
        model.kept["list"].append(2)
        model.kept["object"].value = 2
        sums.append(2)
        tensor.add_(1)
        model(batch()[0])
    assert model.kept["list"] == [torch.ones(1)]
    assert model.kept["object"].value == 1
    assert (list(sums), tensor.tolist()) == ([1], [0, 0])
    assert log == [1], "what a hook notes is a log, which stays"


def test_modes_are_set_without_calling_train():
    """Some modules do more than switch in `train`, for instance merge an adapter into a weight."""

    class Merging(nn.Linear):
        def train(self, _mode=True):
            raise AssertionError("train was called")

    model = seeded(lambda: Around(nn.Sequential(Merging(4, 4))))
    collect(model, *batch(), ["output"])
    assert model.training

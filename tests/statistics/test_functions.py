"""Functions in place of modules: what is a node, what is not, and what is refused."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from autoprox.base.errors import CollectionError
from autoprox.inspect import describe, find_nodes
from autoprox.inspect.functions import attention_parts
from autoprox.inspect.nodes import Role, Site, declare
from autoprox.statistics import STATISTICS, collect
from tests.statistics.networks import batch, seeded

WIDTH = 4


def qkv(*heads):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(2, each, tokens, 3, generator=generator, dtype=torch.float64)
        for each, tokens in zip(heads, (5, 7, 7), strict=True)
    ]


KEEP = torch.rand(2, 1, 5, 7, generator=torch.Generator().manual_seed(1)) > 0.4
HIDDEN = KEEP.clone()
HIDDEN[1, 0, 2] = False


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": 0.3},
        {"is_causal": True},
        {"attn_mask": KEEP},
        {"attn_mask": HIDDEN},
        {"attn_mask": torch.where(HIDDEN, 0.0, -math.inf).double()},
        {"attn_mask": KEEP.double() - 0.5, "scale": 2.0},
        {"enable_gqa": True, "is_causal": True},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_parts_of_fused_attention_give_what_torch_gives(options):
    heads = (4, 2, 2) if "enable_gqa" in options else (4, 4, 4)
    q, k, v = (each.requires_grad_() for each in qkv(*heads))
    probabilities, values = attention_parts(q, k, v, **options)
    expected = functional.scaled_dot_product_attention(q, k, v, **options)
    torch.testing.assert_close(probabilities @ values, expected)
    weight = torch.randn(expected.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for got, gradient in zip(
        torch.autograd.grad((probabilities @ values * weight).sum(), (q, k, v)),
        torch.autograd.grad((expected * weight).sum(), (q, k, v)),
        strict=True,
    ):
        torch.testing.assert_close(got, gradient)
    sums = probabilities.sum(dim=-1)
    hides_all = options.get("attn_mask") is not None and not HIDDEN.any(-1).all() and options["attn_mask"] is not KEEP
    assert ((sums - 1).abs() < 1e-12).logical_or(sums == 0).all()
    assert hides_all or (sums > 0).all()


class Body(nn.Module):
    """Tokens `(B, 4, 4)` to logits, with something to be tested in between."""

    def __init__(self, body):
        super().__init__()
        self.embed, self.body, self.head = nn.Linear(WIDTH, WIDTH), body, nn.Linear(WIDTH, 3)

    def forward(self, images):
        return self.head(self.body(self.embed(images.flatten(1, 2))).mean(dim=1))


def around(make):
    return seeded(lambda: Body(make())).eval()


def lines(model):
    return [f"{node.name} {node.site} {node.role}" for node in find_nodes(model, lambda _: batch()[0])][1:-1]


class Written(nn.Module):
    """A module whose forward pass is a function of it and of tokens."""

    def __init__(self, forward, **modules):
        super().__init__()
        self._written = forward
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x):
        return self._written(self, x)


def linear():
    return nn.Linear(WIDTH, WIDTH)


@pytest.mark.parametrize(
    ("function", "label"),
    [
        (functional.gelu, "gelu"),
        (functional.silu, "silu"),
        (functional.relu, "relu"),
        (torch.relu, "relu"),
        (torch.Tensor.relu, "relu"),
        (lambda x: functional.relu(x, inplace=True), "relu"),
        (torch.relu_, "relu"),
        (functional.leaky_relu, "leaky_relu"),
        (functional.hardswish, "hardswish"),
        (functional.mish, "mish"),
    ],
)
def test_an_activation_as_a_function_is_what_it_is_as_a_module(function, label):
    module = {"gelu": nn.GELU, "silu": nn.SiLU, "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU}
    module |= {"hardswish": nn.Hardswish, "mish": nn.Mish}
    by_function = around(lambda: Written(lambda self, x: self.b(function(self.a(x))), a=linear(), b=linear()))
    by_module = around(lambda: Written(lambda self, x: self.b(self.act(self.a(x))), a=linear(), b=linear()))
    by_module.body.act = module[label]()
    assert lines(by_function) == ["body.a linear mlp", f"body:{label} activation mlp", "body.b linear mlp"]
    names = [name for name, each in STATISTICS.items() if each.site in (Site.LINEAR, Site.ACTIVATION)]
    got, expected = (collect(model, *batch(), names) for model in (by_function, by_module))
    for name in names:
        if name in got.tensors:
            assert all(torch.equal(a, b) for a, b in zip(got.tensors[name], expected.tensors[name], strict=True))
        else:
            assert (got.counts[name] == expected.counts[name]).all()


def test_several_calls_of_one_function_are_several_nodes_and_several_calls_of_a_module_are_one():
    def twice(self, x):
        return functional.gelu(self.b(functional.gelu(self.a(x))))

    model = around(lambda: Written(twice, a=linear(), b=linear()))
    model.body = nn.Sequential(model.body, model.body)
    assert lines(model) == [
        "body.0.a linear mlp",
        "body.0:gelu activation mlp",
        "body.0.b linear mlp",
        "body.0:gelu:2 activation mlp",
    ]
    found = collect(model, *batch(), ["activation", "activation_tokens"])
    assert [tensor.shape for tensor in found.tensors["activation"]] == [(10, 4, 4), (10, 4, 4)]
    assert found.counts["activation_tokens"].tolist() == [8, 8]


class Scaled(nn.Module):
    """A custom linear map."""

    def __init__(self):
        super().__init__()
        self.w, self.b = nn.Parameter(torch.randn(6, WIDTH)), nn.Parameter(torch.randn(6))

    def forward(self, x):
        return functional.linear(x, self.w, bias=self.b)


def test_a_linear_map_with_parameters_of_ones_own_is_a_node():
    model = around(lambda: nn.Sequential(Scaled(), nn.ReLU(), nn.Linear(6, WIDTH)))
    assert lines(model) == ["body.0.w linear mlp", "body.1 activation mlp", "body.2 linear mlp"]
    found = collect(model, *batch(), ["weight_grad", "params", "macs"])
    images, labels = batch()
    functional.cross_entropy(model(images), labels).backward()
    torch.testing.assert_close(found.tensors["weight_grad"][1], model.body[0].w.grad)
    assert found.counts["params"].tolist()[1] == 30
    assert found.counts["macs"].tolist()[1] == 4 * 24


def test_a_layer_whose_weight_alone_is_used_is_a_node():
    """As in BEiT, where the biases of queries and values are parameters apart."""

    def forward(self, x):
        return functional.linear(input=x, weight=self.fc.weight, bias=torch.cat([self.q, self.q]))

    model = around(lambda: Written(forward, fc=nn.Linear(WIDTH, WIDTH, bias=False), q=nn.Parameter(torch.ones(2))))
    assert lines(model) == ["body.fc linear mlp"]
    found = collect(model, *batch(), ["input", "output"])
    expected = found.tensors["input"][1] @ model.body.fc.weight.T + 1
    torch.testing.assert_close(found.tensors["output"][1], expected)


def attend(q, k, v):
    return (q @ k.transpose(-2, -1)).softmax(-1) @ v


class Kernel(torch.autograd.Function):
    """Fused attention that torch knows nothing of."""

    @staticmethod
    def forward(ctx, q, k, v):
        ctx.save_for_backward(q, k, v)
        return attend(q, k, v)

    @staticmethod
    def backward(ctx, gradient):
        with torch.enable_grad():
            given = [each.detach().requires_grad_() for each in ctx.saved_tensors]
            return torch.autograd.grad(attend(*given), given, gradient)


class FlashAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = linear(), linear(), linear(), linear()

    def forward(self, x):
        return self.out(Kernel.apply(self.q(x), self.k(x), self.v(x)))


class Mixer(FlashAttention):
    """The same under a name that says nothing."""


def test_a_kernel_that_shows_nothing_is_refused_by_name():
    model = around(FlashAttention)
    assert lines(model) == [f"body.{name} linear attention" for name in ("q", "k", "v", "out")]
    collect(model, *batch(), ["weight_grad", "output"])
    for name in ("attention", "attention_grad", "attention_tokens"):
        with pytest.raises(
            CollectionError, match=rf"'{name}' is not available: the FlashAttention 'body' exposes neither"
        ):
            collect(model, *batch(), [name])
    both = around(FlashAttention)
    both.body = nn.Sequential(both.body, Written(lambda self, x: attend(self.q(x), x, x), q=linear()))
    with pytest.raises(CollectionError, match=r"FlashAttention 'body\.0' exposes neither"):
        collect(both, *batch(), ["attention"])
    declare(both.body[0], Role.MLP)
    assert len(collect(both, *batch(), ["attention"]).tensors["attention"]) == 1


def test_what_reads_a_kernel_has_to_be_declared():
    model = around(Mixer)
    unseen = "its input comes from a function that torch does not see"
    with pytest.raises(
        CollectionError, match=rf"Linear 'body\.out' has no role, and no rule finds one: {unseen}.*decl"
    ):
        collect(model, *batch(), ["weight"], told={Site.LINEAR})
    assert len(collect(model, *batch(), ["weight"], told={Site.NORM}).tensors["weight"]) == 6
    assert f"body.out  linear  other  {unseen}" in describe(model, batch()[0])
    declare(model.body, Role.ATTENTION)
    assert lines(model) == [f"body.{name} linear attention" for name in ("q", "k", "v", "out")]


def test_a_layer_that_is_not_called_is_something_else():
    model = around(linear)
    model.spare = linear()
    assert describe(model, batch()[0]).splitlines()[-1].split() == ["spare", "linear", "other", "detected"]
    declare(model.spare, Role.MLP)
    assert [node.name for node in collect(model, *batch(), ["weight"]).nodes[Site.LINEAR]][-1] == "spare"


def test_an_unknown_mark_is_named():
    model = around(linear)
    model.body.autoprox_role = "stem"
    with pytest.raises(CollectionError, match=r"Linear 'body' has an unknown role, 'stem'.*embed, attention"):
        collect(model, *batch(), ["weight"])


@pytest.mark.parametrize(
    "forward",
    [
        # A router, the weights of a pooling over tokens, attention without a softmax of scores, an output in per cent.
        lambda self, x: self.a(x) * self.b(x).softmax(-1),
        lambda self, x: self.a(x) + self.b(x).softmax(1).transpose(1, 2) @ self.a(x),
        lambda self, x: self.a(x).softmax(-1) @ (self.b(x).softmax(1).transpose(1, 2) @ x),
        lambda self, x: nn.Softmax(dim=-1)(self.b(functional.softmax(self.a(x) @ self.b(x).mT, dim=-1))),
    ],
)
def test_a_softmax_that_is_no_attention_is_no_node(forward):
    model = around(lambda: Written(forward, a=linear(), b=linear()))
    assert not [line for line in lines(model) if "softmax" in line]
    assert collect(model, *batch(), ["attention"]).tensors["attention"] == ()


def talking_heads(self, x):
    scores = self.mix((self.q(x) @ self.k(x).mT).unsqueeze(-1).expand(-1, -1, -1, 4)).permute(0, 3, 1, 2)
    attention = self.mix(self.drop(self.softmax(scores)).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    return (attention.type(x.dtype) @ self.v(x).unsqueeze(1)).sum(1)


def test_heads_may_talk_before_and_after_the_softmax():
    parts = {name: linear() for name in ("q", "k", "v", "mix")}
    model = around(lambda: Written(talking_heads, **parts, drop=nn.Dropout(0.5), softmax=nn.Softmax(dim=-1)))
    assert "body.softmax attention attention" in lines(model)
    found = collect(model, *batch(), ["attention", "attention_grad"])
    assert found.tensors["attention"][0].shape == found.tensors["attention_grad"][0].shape == (5, 4, 4, 4)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("options", [{}, {"kdim": 3, "vdim": 2}, {"bias": False}, {"add_bias_kv": True}])
def test_torchs_attention_with_other_queries_than_keys(options, need_weights):
    """All its products are nodes, whether its weights are one parameter that is used in parts, or three."""

    def forward(self, x):
        keys, values = x[..., : options.get("kdim", 4)], x[..., : options.get("vdim", 4)]
        return self.mha(self.probe.expand(len(x), -1, -1), keys, values, need_weights=need_weights)[0]

    def make():
        return Written(
            forward,
            mha=nn.MultiheadAttention(WIDTH, 2, batch_first=True, **options),
            probe=nn.Parameter(torch.randn(1, 2, WIDTH)),
        )

    model = around(make)
    found = collect(model, *batch(), ["attention", "weight_grad", "params", "macs"])
    keys = 5 if options.get("add_bias_kv") else 4
    assert found.tensors["attention"][0].numel() == 5 * 2 * 2 * keys
    if options.get("add_bias_kv"):
        return
    mha = model.body.mha
    expected = sum(each.numel() for each in mha.parameters())
    assert found.counts["params"][1:-1].sum() == expected
    macs = 2 * 16 + 4 * 4 * (options.get("kdim", 4) + options.get("vdim", 4)) + 2 * 16
    assert found.counts["macs"][1:-1].sum() == macs
    images, labels = batch()
    functional.cross_entropy(model(images), labels).backward()
    weights = [mha.q_proj_weight, mha.k_proj_weight, mha.v_proj_weight] if "kdim" in options else [mha.in_proj_weight]
    for weight, got in zip([*weights, mha.out_proj.weight], found.tensors["weight_grad"][1:-1], strict=True):
        torch.testing.assert_close(got, weight.grad)


def test_masks_reach_torchs_attention():
    causal = nn.Transformer.generate_square_subsequent_mask(4)
    model = around(
        lambda: Written(
            lambda self, x: self.layer(x, src_mask=causal, is_causal=True),
            layer=nn.TransformerEncoderLayer(WIDTH, 2, 8, batch_first=True),
        )
    )
    (tensor,) = collect(model, *batch(), ["attention"]).tensors["attention"]
    assert not tensor.triu(1).any()
    assert (tensor.tril() > 0).sum() == 5 * 2 * 10


def test_the_fast_path_of_torchs_encoder_is_not_taken():
    """Without gradients it would be: it calls one kernel for a whole layer."""
    model = around(lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(WIDTH, 2, 8, batch_first=True), 2))
    with torch.no_grad():
        found = collect(model.requires_grad_(requires_grad=False), *batch(), ["attention", "activation", "output"])
    assert [len(found.nodes[site]) for site in (Site.ATTENTION, Site.ACTIVATION, Site.LINEAR)] == [2, 2, 10]


class Conv1D(nn.Module):
    """As in transformers.pytorch_utils: a linear layer whose weight is transposed."""

    def __init__(self, nf, nx):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(nx, nf)), nn.Parameter(torch.randn(nf))

    def forward(self, x):
        return torch.addmm(self.bias, x.flatten(0, -2), self.weight).unflatten(0, x.shape[:-1])


def test_the_transposed_layer_of_transformers_counts_as_its_twin():
    counts = [name for name, each in STATISTICS.items() if each.site is Site.LINEAR and each.kind == "count"]
    found, twin = (
        collect(around(lambda m=m: nn.Sequential(m(), nn.Linear(6, WIDTH))), *batch(), counts)
        for m in (lambda: Conv1D(6, WIDTH), lambda: nn.Linear(WIDTH, 6))
    )
    for name in counts:
        assert found.counts[name].tolist() == twin.counts[name].tolist()


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, lambda channels: nn.GroupNorm(2, channels)])
def test_norms_over_channels_count_channels(norm):
    model = around(lambda: Written(lambda self, x: self.norm(x.transpose(1, 2)).transpose(1, 2), norm=norm(WIDTH)))
    found = collect(model, *batch(), ["norm_width", "norm_tokens", "norm_output"])
    assert (found.counts["norm_width"].tolist(), found.counts["norm_tokens"].tolist()) == ([4], [4])


class MyRMSNorm(nn.Module):
    def forward(self, x):
        return x * x.pow(2).mean(-1, keepdim=True).rsqrt()


@pytest.mark.parametrize("norm", [MyRMSNorm, lambda: Written(lambda _, x: functional.layer_norm(x, x.shape[-1:]))])
def test_norms_of_ones_own_are_nodes(norm):
    model = around(lambda: nn.Sequential(norm(), linear()))
    site, role = lines(model)[0].split()[1:]
    assert (site, role) == ("norm", "mlp")
    assert collect(model, *batch(), ["norm_width"]).counts["norm_width"].tolist() == [4]


def test_an_error_of_the_model_in_the_pass_that_finds_nodes_is_said():
    model = around(linear)
    with pytest.raises(CollectionError, match=r"The Body failed on images of shape \(2, 1, 3, 3\)"):
        collect(model, torch.zeros(2, 1, 3, 3), [0, 1], ["weight"])

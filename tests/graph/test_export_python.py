"""The exported file against autoprox: the same score for every primitive and statistic, and nothing but torch in it."""

import ast
import importlib.util
import itertools
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import autoprox
from autoprox.base.errors import KindError, UndefinedScoreError
from autoprox.graph import PRIMITIVES, Form, Level, Primitive, Proxy, find_primitive, parse
from autoprox.graph._expression import Expression
from autoprox.graph.export import to_python
from autoprox.scorers import zoo_graphs
from autoprox.statistics import STATISTICS, UNPAIRED
from tests.graph import foreign
from tests.statistics import foreign as transformers_of_others
from tests.statistics import networks as hard

REL = 1e-7
"""Stricter than what is promised (1e-5), wide enough for sums in another order."""

LINEAR = torch.nn.Linear | torch.nn.Conv2d
COUNTER = itertools.count()
ALL = [primitive for registry in PRIMITIVES.values() for primitive in registry.values()]


@pytest.fixture
def exported(tmp_path):
    def load(proxy):
        path = tmp_path / f"exported_{next(COUNTER)}.py"
        path.write_text(to_python(proxy))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def proxy_of(text, sign=1):
    return Proxy("mine", parse(text), sign)


@cache
def own_networks():
    found = []
    for space, seed in (("autoformer-micro", 3), ("pit-micro", 1)):
        owner, rng = autoprox.space(space), np.random.default_rng(seed)
        arch = min((owner.sample(rng) for _ in range(20)), key=owner.backbone_params)
        model = owner.build(arch, num_classes=5, img_size=8, in_chans=1, seed=seed)
        found.append((model, rng.normal(size=(4, 1, 8, 8)).astype(np.float32), rng.integers(0, 5, size=4)))
    return found


def graphs_with(primitive: Primitive):
    """Graphs in which the primitive decides the score, with and without a selection of roles."""
    name = primitive.name
    if primitive.level is Level.TENSOR:
        pair = f"{name}(weight, weight_grad)" if primitive.arity == 2 else f"{name}(weight)"
        return [f"nodes_norm({pair})" if primitive.form.reduces else f"nodes_norm(mean_log({pair}))"]
    if primitive.level is Level.SCALAR:
        given = ", ".join(["nodes_mean(mean(weight_grad))", "nodes_min(std(output))"][: primitive.arity])
        return [f"{name}({given})", f"{name}({', '.join(['nodes_logsum(l1(weight))'] * primitive.arity)})"]
    if primitive.form is Form.AGGREGATE:
        return [f"{name}(mean(input_grad))", f"{name}(only_mlp(std(weight)))", f"{name}(only_ends(activation_width))"]
    given = ", ".join(["mean(weight_grad)", "log(l1(weight))"][: primitive.arity])
    narrowed = ", ".join(["only_body(mean(weight_grad))", "only_attention(only_body(macs))"][: primitive.arity])
    return [f"nodes_norm({name}({given}))", f"nodes_max({name}({narrowed}))"]


@pytest.mark.parametrize("primitive", ALL, ids=lambda each: f"{each.level}-{each.name}")
def test_every_primitive_has_the_value_that_autoprox_gives(primitive, exported):
    for text in graphs_with(primitive):
        try:
            proxy = proxy_of(text)
        except KindError:
            continue  # a selector that keeps nothing of what another one kept
        file = exported(proxy)
        for model, images, labels in own_networks():
            try:
                expected = proxy.score(model, images, labels)
            except UndefinedScoreError:
                with pytest.raises(file.UndefinedScoreError, match="no finite value"):
                    file.score(model, images, labels)
            else:
                assert file.score(model, images, labels) == pytest.approx(expected, rel=REL)


def test_every_primitive_was_in_one_of_those_graphs():
    for primitive in ALL:
        graphs = []
        for text in graphs_with(primitive):
            try:
                graphs.append(parse(text))
            except KindError:
                continue
        assert any(each.operation is primitive for graph in graphs for each in graph.walk())


@pytest.mark.parametrize("name", UNPAIRED)
def test_every_statistic_has_the_value_that_autoprox_gives(name, exported):
    inner = name if STATISTICS[name].kind == "count" else f"l1({name})"
    proxy = proxy_of(f"nodes_norm({inner})", -1)
    file = exported(proxy)
    for model, images, labels in (*own_networks(), (hard.tiny(), *hard.batch())):
        assert file.score(model, images, labels) == pytest.approx(proxy.score(model, images, labels), rel=REL)


def test_a_graph_that_compares_with_a_teacher_is_refused():
    with pytest.raises(KindError, match="a file of torch alone cannot take one; score with"):
        to_python(proxy_of("nodes_sum(l1(teacher_relation))"))


@pytest.mark.parametrize("name", [proxy.name for proxy in zoo_graphs()])
def test_zoo(name, exported):
    proxy = autoprox.load(name)
    file = exported(proxy)
    for model, images, labels in own_networks():
        assert file.score(model, images, labels) == pytest.approx(proxy.score(model, images, labels), rel=REL)


def test_everything_fits_into_one_file(exported):
    """No two definitions that graphs may need have the same name."""
    model, images, labels = own_networks()[0]
    terms = []
    for text in itertools.chain.from_iterable(map(graphs_with, ALL)):
        try:
            graph = parse(f"tanh({text})")
            Proxy("term", graph).score(model, images, labels)
        except (KindError, UndefinedScoreError):
            continue
        terms.append(graph)
    terms += [parse(f"nodes_norm({n if STATISTICS[n].kind == 'count' else f'l1({n})'})") for n in UNPAIRED]
    add = find_primitive("add", Level.SCALAR)
    while len(terms) > 1:
        terms = [*terms[2:], Expression(add, terms[:2])]
    proxy = Proxy("everything", terms[0])
    assert set(proxy.statistics) == set(UNPAIRED)
    expected = proxy.score(model, images, labels)
    assert exported(proxy).score(model, images, labels) == pytest.approx(expected, rel=REL)


HARD = [
    hard.Shared,
    hard.SharedGelu,
    hard.InPlace,
    hard.ByKeyword,
    hard.Strided,
    hard.Detached,
    hard.Busy,
]


@pytest.mark.parametrize("body", HARD)
def test_networks_that_make_collecting_hard(body, exported):
    proxy = proxy_of("nodes_sum(only_mlp(add(l1(mul(output, output_grad)), l1(mul(input, input_grad)))))")
    model = hard.seeded(lambda: hard.Around(body())).eval()
    images, labels = hard.batch()
    expected = proxy.score(model, images, labels)
    assert exported(proxy).score(model, images, labels) == pytest.approx(expected, rel=REL)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes(dtype, exported):
    proxy = proxy_of("nodes_sum(l1(mul(weight, weight_grad)))")
    model, (images, labels) = hard.tiny(dtype=dtype), hard.batch(dtype=dtype)
    expected = proxy.score(model, images, labels)
    assert exported(proxy).score(model, images, labels) == pytest.approx(expected, rel=REL)


def test_a_loss_of_ones_own(exported):
    proxy = proxy_of("nodes_sum(l1(weight_grad))")
    model, images, labels = foreign.seeded()
    foreign.mark(model)

    def loss(output, targets):
        return (output[range(len(targets)), targets] ** 2).sum()

    for given in (labels, labels.numpy()):
        expected = proxy.score(model, images, given, loss=loss)
        assert exported(proxy).score(model, images, given, loss=loss) == pytest.approx(expected, rel=REL)


def test_the_model_is_left_as_it_was(exported):
    model, images, labels = foreign.seeded()
    model.train()
    model.head.weight.requires_grad_(requires_grad=False)
    model.patches.weight.grad = torch.ones_like(model.patches.weight)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    generator = torch.random.get_rng_state()
    file = exported(proxy_of("nodes_sum(l1(mul(weight, weight_grad)))"))
    first = file.score(model, images, labels)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.training
    assert model.dropout.training
    assert not model.head.weight.requires_grad
    assert torch.equal(model.patches.weight.grad, torch.ones_like(model.patches.weight))
    assert model.head.weight.grad is None
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert torch.equal(torch.random.get_rng_state(), generator)
    assert file.score(model.eval(), images, labels) == first


def test_roles_are_found_as_autoprox_finds_them_and_marks_count_more(exported):
    model, images, labels = foreign.seeded()
    plain = exported(proxy_of("nodes_sum(deep(l1(weight_grad)))"))
    score = plain.score(model, images, labels)
    proxy = proxy_of("nodes_sum(only_mlp(l1(weight_grad)))")
    looking = exported(proxy)
    found = looking.score(model, images, labels)
    assert 0 < found < score
    assert found == pytest.approx(proxy.score(model, images, labels), rel=REL)
    model.patches.autoprox_role = "stem"
    with pytest.raises(looking.CollectionError, match=r"'patches' has an unknown role, 'stem'.*autoprox_role"):
        looking.score(model, images, labels)
    foreign.mark(model)
    assert plain.score(model, images, labels) == pytest.approx(score, rel=REL)
    assert looking.score(model, images, labels) == pytest.approx(found, rel=REL)
    model.blocks[0].mlp.autoprox_role = "pool"
    assert looking.score(model, images, labels) < found


class Unseen(torch.autograd.Function):
    """Layer that calls a custom kernel: torch sees nothing of it."""

    @staticmethod
    def forward(_, x):
        return torch.from_numpy(x.numpy().copy())

    @staticmethod
    def backward(_, gradient):
        return gradient


def test_a_node_without_a_role_is_no_matter_to_a_graph_that_looks_at_none(exported):
    model, images, labels = foreign.seeded()
    model.blocks[0].mlp.register_forward_pre_hook(lambda _, given: Unseen.apply(*given))
    assert exported(proxy_of("nodes_sum(params)")).score(model, images, labels) > 0
    looking = exported(proxy_of("nodes_sum(only_mlp(params))"))
    with pytest.raises(looking.CollectionError, match=r"Linear 'blocks.0.mlp.0' has no role.*torch does not see"):
        looking.score(model, images, labels)


def test_a_graph_of_nodes_that_a_network_lacks_is_undefined(exported):
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3))
    for graph in ("nodes_mean(zscore(mean(attention)))", "nodes_max(minmax(norm_width))", "nodes_last(share(params))"):
        file = exported(proxy_of(graph))
        if graph == "nodes_last(share(params))":
            assert file.score(model, torch.ones(2, 1, 2, 2), [0, 1]) == pytest.approx(1.0)
        else:
            with pytest.raises(file.UndefinedScoreError, match="no finite value"):
                file.score(model, torch.ones(2, 1, 2, 2), [0, 1])


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.ones(4, 1, 8, 8, dtype=torch.float64), [0, 1, 2, 3], "float64"),
        (torch.full((4, 1, 8, 8), torch.nan), [0, 1, 2, 3], "NaN"),
        (torch.ones(4, 1, 8, 8), [0, 1], "labels"),
        (torch.ones(4, 1, 8, 8), [0, 1, 2, 5], "out of range"),
        (torch.ones(4, 1, 8, 8), ["a"], "cannot be converted to a tensor"),
        (torch.ones(4, 1, 6, 8), [0, 1, 2, 3], "failed on images"),
    ],
)
def test_bad_input_is_said(images, labels, message, exported):
    file = exported(proxy_of("nodes_sum(l1(weight_grad))"))
    model, _, _ = foreign.seeded()
    with pytest.raises(file.CollectionError, match=message):
        file.score(model, images, labels)


def test_holds_what_the_graph_needs_and_nothing_else():
    for name in ("snip", "autoprox-release"):
        tree = ast.parse(to_python(autoprox.load(name)))
        imported = {each.module for each in tree.body if isinstance(each, ast.ImportFrom)}
        imported |= {alias.name for each in tree.body if isinstance(each, ast.Import) for alias in each.names}
        packages = {module.partition(".")[0] for module in imported}
        assert packages - set(sys.stdlib_module_names) == {"torch"}
        used = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
        defined = {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.ClassDef)}
        assert defined - used == {"score"}
        assert not {"eval", "exec", "__import__"} & used


PARTS = {
    "marks of a forward pass": "_Tracer",
    "rules of roles": "_Roles",
    "check of attention": "check_attention",
    "labels": "checked_labels",
    "a batch": "run_passes",
    "taps": "Taps",
    "shapes": "OutputShapes",
}
EVERY_PART = {"a batch", "labels", "taps", "shapes", "marks of a forward pass"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nodes_sum(l1(weight))", set()),
        ("nodes_sum(macs)", {"a batch", "shapes"}),
        ("nodes_sum(l1(weight_grad))", {"a batch", "labels"}),
        ("nodes_sum(l1(output))", {"a batch", "taps", "shapes"}),
        ("nodes_sum(only_mlp(params))", {"marks of a forward pass", "rules of roles"}),
        ("nodes_sum(l1(attention_grad))", {*EVERY_PART, "check of attention"}),
    ],
)
def test_parts_that_a_formula_does_not_reach_are_left_out(text, parts):
    file = to_python(proxy_of(text))
    tree = ast.parse(file)
    defined = {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.ClassDef)}
    assert {part for part, name in PARTS.items() if name in defined} == parts
    read = {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)}
    for each in tree.body:
        if isinstance(each, ast.ClassDef):
            methods = {held.name for held in each.body if isinstance(held, ast.FunctionDef)}
            assert {name for name in methods - read if not name.startswith("__")} == set()


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("nodes_sum(params)", 680),
        ("nodes_norm(frobenius(weight))", 720),
        ("nodes_sum(l1(mul(weight, weight_grad)))", 1060),
        ("nodes_sum(only_mlp(params))", 1040),
    ],
)
def test_files_are_short(text, most):
    assert len(to_python(proxy_of(text)).splitlines()) < most


def test_same_proxy_same_text():
    assert to_python(proxy_of("nodes_sum(params)")) == to_python(proxy_of("nodes_sum(params)"))


@pytest.mark.parametrize("name", ['three """ quotes', "back\\slash\\", 'ends with "', "two\nlines"])
def test_any_name_gives_a_readable_file(name, exported):
    proxy = Proxy(name, parse("nodes_sum(params)"), provenance={"source": '"""'})
    model, images, labels = foreign.seeded()
    assert exported(proxy).score(model, images, labels) == sum(
        sum(p.numel() for p in each.parameters()) for each in model.modules() if isinstance(each, LINEAR)
    )


def with_numpy(x, _xp, _eps):
    """Needs what the file may not import."""
    return x * np.pi


def above_the_mean(values, segments, xp, _eps):
    """1 where a node is above the mean of its network, else 0."""
    return xp.heaviside(values - segments.expand(segments.mean(values)), xp.zeros_like(values))


def with_a_map(primitive):
    """A proxy in which a map that is not registered stands."""
    if primitive.level is Level.TENSOR:
        inner = parse("l1(weight)")
        graph = Expression(inner.operation, [Expression(primitive, inner.arguments)])
    else:
        graph = Expression(primitive, [parse("l1(weight)")])
    return Proxy("p", Expression(parse("nodes_sum(params)").operation, [graph]))


@pytest.mark.parametrize(
    ("function", "message"),
    [(lambda x, _xp, _eps: x, "top of a module"), (with_numpy, "'numpy'")],
)
def test_operations_that_cannot_stand_alone_are_refused(function, message):
    with pytest.raises(KindError, match=message):
        to_python(with_a_map(Primitive("mine", Level.TENSOR, Form.MAP, function)))


def test_an_operation_of_ones_own_on_all_nodes(exported):
    proxy = with_a_map(Primitive("mine", Level.NODE, Form.MAP, above_the_mean, segmental=True))
    for model, images, labels in own_networks():
        sizes = [each.weight.abs().sum().item() for each in model.modules() if isinstance(each, LINEAR)]
        expected = sum(size > np.mean(sizes) for size in sizes)
        assert exported(proxy).score(model, images, labels) == expected
        assert proxy.score(model, images, labels) == expected


START = """
import importlib.util, json, sys

class Hiding:
    '''A finder without what is forbidden, as on a machine where it is not installed.'''

    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in FORBIDDEN else self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Hiding, sys.meta_path)

def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

foreign = load("foreign", sys.argv[1])
"""

SCRIPT = f"""
FORBIDDEN = {{"autoprox", "numpy", "scipy", "networkx"}}
{START}
model, images, labels = foreign.seeded()
foreign.mark(model)
scores = [load(f"proxy{{i}}", path).score(model, images, labels) for i, path in enumerate(sys.argv[2:])]
assert not FORBIDDEN & set(sys.modules)
print(json.dumps(scores))
"""


def test_alone_on_a_model_that_autoprox_did_not_build(tmp_path):
    model, images, labels = foreign.seeded()
    foreign.mark(model)
    expected = [proxy.score(model, images, labels) for proxy in alone_proxies()]
    assert run_alone(SCRIPT, foreign, tmp_path) == pytest.approx(expected, rel=1e-5)


def alone_proxies():
    texts = [
        "nodes_sum(l1(mul(weight, weight_grad)))",
        "nodes_sum(deep(only_mlp(log(frobenius(input_grad)))))",
        "sub(nodes_std(only_body(rank(mean(attention_grad)))), log(nodes_sum(macs)))",
        "nodes_mean(frobenius(matmul(minmax(weight), zscore(weight_grad))))",
        "nodes_sum(add(cosine(weight, synflow_weight_grad), mean_abs(mul(noise_input, perturbed_input_grad))))",
        "nodes_sum(add(l1(mul(weight_hvp, virtual_weight_grad)), l1(mul(sample_grad_std, batch_grad_mean_abs))))",
    ]
    return [proxy_of(text, sign) for text, sign in zip(texts, [1, -1, 1, 1, 1, -1], strict=True)]


def run_alone(text, models, folder):
    """Output of a script that is given the file of a module with models, and those of the exported proxies."""
    paths = []
    for index, proxy in enumerate(alone_proxies()):
        paths.append(folder / f"best{index}.py")
        paths[-1].write_text(to_python(proxy))
    script = folder / "script.py"
    script.write_text(text)
    command = [sys.executable, "-I", str(script), str(Path(models.__file__)), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


OTHERS = [name for name in transformers_of_others.MAKERS if name not in ("deit", "deit-fused", "timm", "plain")]

OTHERS_SCRIPT = f"""
FORBIDDEN = {{"autoprox"}}
{START}
proxies = [load(f"proxy{{i}}", path) for i, path in enumerate(sys.argv[2:])]
images, labels = foreign.batch()
print(json.dumps([[each.score(foreign.seeded(name), images, labels) for each in proxies] for name in {OTHERS}]))
"""


def test_alone_on_models_of_others(tmp_path):
    """Attention and activations by functions, torch's own encoder, Hugging Face: nothing there is marked."""
    images, labels = transformers_of_others.batch()
    got = run_alone(OTHERS_SCRIPT, transformers_of_others, tmp_path)
    for name, scores in zip(OTHERS, got, strict=True):
        model = transformers_of_others.seeded(name)
        expected = [proxy.score(model, images, labels) for proxy in alone_proxies()]
        assert scores == pytest.approx(expected, rel=1e-5), name

"""Exports for readers: LaTeX, SymPy, drawings."""

import struct
import sys
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import sympy
from matplotlib.mathtext import MathTextParser

import autoprox
from autoprox.base.errors import SpecError
from autoprox.graph import PRIMITIVES, Evaluator, Form, LeafTable, Leaves, Level, Proxy, parse
from autoprox.graph.export import to_latex, to_png, to_svg, to_sympy
from autoprox.inspect.nodes import Role, Site
from autoprox.scorers import zoo_graphs
from autoprox.statistics import STATISTICS

RICH = "sub(log(nodes_sum(only_mlp(log(l1(mul(weight, weight_grad)))))), div(nodes_std(deep(macs)), nodes_max(fan_in)))"


def proxy_of(text, sign=1):
    return Proxy("mine", parse(text), sign)


def graph_with(primitive):
    """A proxy in which the primitive stands."""
    arguments = {Level.TENSOR: "weight", Level.NODE: "l1(weight)", Level.SCALAR: "nodes_sum(l1(weight))"}
    inner = f"{primitive.name}({', '.join([arguments[primitive.level]] * primitive.arity)})"
    if primitive.level is Level.SCALAR or primitive.form is Form.AGGREGATE:
        return proxy_of(inner)
    reduced = f"l1({inner})" if primitive.level is Level.TENSOR and not primitive.form.reduces else inner
    return proxy_of(f"nodes_sum({reduced})")


EVERY = [graph_with(primitive) for registry in PRIMITIVES.values() for primitive in registry.values()]
EVERY += [
    proxy_of(f"nodes_sum({f'l1({name})' if each.kind == 'tensor' else name})") for name, each in STATISTICS.items()
]
EVERY += [*zoo_graphs(), proxy_of(RICH, -1)]
every_proxy = pytest.mark.parametrize("proxy", EVERY, ids=lambda proxy: str(proxy.graph))


@every_proxy
def test_latex_can_be_set(proxy):
    text = to_latex(proxy)
    assert "#" not in text
    assert text.count("{") == text.count("}")
    MathTextParser("agg").parse(f"${text}$")


@pytest.mark.parametrize(
    ("text", "sign", "written"),
    [
        ("nodes_sum(l1(mul(weight, weight_grad)))", 1, r"\sum_{l} \left\Vert W_{l} \odot \nabla W_{l} \right\Vert_{1}"),
        ("nodes_sum(params)", -1, r"-\left(\sum_{l} \mathrm{params}_{l}\right)"),
        (
            "nodes_max(sub(macs, sub(params, square(neg(fan_in)))))",
            1,
            r"\max_{l}\left(\mathrm{macs}_{l} - \left(\mathrm{params}_{l} - "
            r"{\left(-\mathrm{fan\ in}_{l}\right)}^{2}\right)\right)",
        ),
        (
            "mul(add(nodes_min(macs), nodes_last(params)), nodes_norm(rank(only_mlp(tokens))))",
            1,
            r"\left(\min_{l}\left(\mathrm{macs}_{l}\right) + \left(\mathrm{params}_{l}\right)_{l=L}\right) \cdot "
            r"\sqrt{\sum_{l} {\operatorname{rank}\left(\left(\mathrm{tokens}_{l}\right)_{\mathrm{mlp}}\right)}^{2}}",
        ),
    ],
)
def test_latex(text, sign, written):
    assert to_latex(proxy_of(text, sign)) == written


SYMBOLIC = [
    "nodes_sum(square(log(params)))",
    "sub(nodes_mean(div(macs, params)), exp(neg(nodes_norm(reciprocal(fan_in)))))",
    "mul(nodes_std(maximum(params, macs)), sigmoid(tanh(log(nodes_logsum(minimum(sub(fan_in, macs), params))))))",
    "sqrt(add(nodes_sum(relu(sub(params, macs))), abs(nodes_sum(logabs(neg(fan_in))))))",
]


@pytest.mark.parametrize("text", SYMBOLIC)
@pytest.mark.parametrize("sign", [1, -1])
def test_sympy_has_the_value_of_the_evaluator(text, sign):
    proxy = proxy_of(text, sign)
    rng = np.random.default_rng(0)
    leaves = {leaf: rng.uniform(0.1, 3, size=3) for leaf in proxy.graph.node_leaves}
    table = LeafTable([Leaves({Site.LINEAR: (Role.MLP,) * 3}, {leaf.digest: each for leaf, each in leaves.items()})])
    expected = sign * Evaluator(table).scores([proxy.graph])[0, 0]
    explicit = to_sympy(proxy).subs(sympy.Symbol("n_linear", integer=True, positive=True), 3).doit()
    numbers = {
        sympy.IndexedBase(str(leaf))[index + 1]: value
        for leaf, values in leaves.items()
        for index, value in enumerate(values)
    }
    found = explicit.xreplace(numbers | {sympy.Symbol("epsilon", positive=True): sympy.Float("1e-30")})
    assert float(found) == pytest.approx(expected, rel=1e-9)


@every_proxy
def test_sympy_of_everything_names_its_leaves(proxy):
    expression = to_sympy(proxy)
    assert {str(each.base) for each in expression.atoms(sympy.Indexed)} == {
        str(each) for each in proxy.graph.node_leaves
    }


def test_sympy_simplifies_nothing_and_tells_roles_apart():
    expression = to_sympy(proxy_of("sub(nodes_sum(only_mlp(params)), nodes_sum(only_mlp(params)))"))
    assert expression != 0
    assert "n_linear_mlp" in {str(each) for each in expression.free_symbols}


def test_without_sympy_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sympy", None)
    with pytest.raises(SpecError, match=r"autoprox\[export\]"):
        to_sympy(autoprox.load("snip"))


def boxes(svg):
    """Texts of a drawing with the heights at which they stand, from the top."""
    found = {}
    for each in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        found.setdefault("".join(each.itertext()).strip(), []).append(round(float(each.get("y", "-1"))))
    return found


def test_drawing_has_every_step_from_statistics_down_to_the_score():
    found = boxes(to_svg(proxy_of(RICH, -1)))
    labels = {each.operation.name for each in parse(RICH).walk()}
    assert labels <= set(found)
    statistics = {found[name][0] for name in ("weight", "weight_grad", "macs", "fan_in")}
    assert len(statistics) == 1
    score = next(name for name in found if name.startswith("score"))
    assert "-1" in score
    steps = [found[name][0] for name in ("mul", "only_mlp", "nodes_sum", "sub", score)]
    assert [statistics.pop(), *steps] == sorted([*steps, found["macs"][0]])
    assert {"TENSOR: one tensor per node", "NODE: one number per node", "SCALAR: one number per network"} <= set(found)


def test_drawing_shows_only_the_kinds_that_there_are():
    assert not any(text.startswith("TENSOR") for text in boxes(to_svg(proxy_of("nodes_sum(params)"))))


@pytest.mark.parametrize("proxy", [autoprox.load("autoprox-p"), proxy_of(RICH), proxy_of("nodes_sum(params)")])
def test_drawings_are_the_same_each_time_and_of_a_size_to_be_read(proxy):
    assert to_svg(proxy) == to_svg(proxy)
    picture = to_png(proxy)
    assert picture == to_png(proxy)
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    assert 600 < width < 3000
    assert 300 < height < 3000
    assert to_png(proxy, dpi=50) != picture


def test_a_name_is_no_mathematics():
    assert any(text.startswith("$100$: ") for text in boxes(to_svg(proxy_of("nodes_sum(params)").renamed("$100$"))))


def test_a_value_that_is_used_twice_is_drawn_once():
    found = boxes(to_svg(proxy_of("nodes_sum(mul(sqrt(params), sqrt(params)))")))
    assert len(found["sqrt"]) == len(found["params"]) == 1


def test_boxes_of_a_row_do_not_overlap():
    from autoprox.graph.export._drawing import _columns, _graph

    terms = [f"nodes_sum(l1({name}))" for name, each in STATISTICS.items() if each.kind == "tensor"]
    text = terms[0]
    for term in terms[1:]:
        text = f"add({text}, {term})"
    graph = _graph(proxy_of(text))
    columns = _columns(graph)
    rows = {}
    for vertex, row in graph.nodes(data="row"):
        half = graph.nodes[vertex]["width"] / 2
        rows.setdefault(row, []).append((columns[vertex] - half, columns[vertex] + half))
    for each in rows.values():
        each.sort()
        assert all(end <= start for (_, end), (start, _) in pairwise(each))

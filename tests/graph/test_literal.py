"""Constants and weighted sums: text, value, export, and what `simplify` does with them."""

import json

import numpy as np
import pytest
import sympy
from hypothesis import example, given
from hypothesis import strategies as st

import autoprox
from autoprox.base.errors import KindError
from autoprox.base.outcomes import DoubtfulScoresWarning
from autoprox.graph import (
    Evaluator,
    Expression,
    LeafTable,
    Leaves,
    Literal,
    Proxy,
    formula,
    parse,
    simplify,
    weighted_sum,
    weighted_terms,
)
from autoprox.graph.export import to_latex, to_svg, to_sympy
from autoprox.inspect.nodes import Role, Site
from tests.graph.interpreter import PlainNetwork, interpret
from tests.graph.test_export_python import exported, own_networks  # noqa: F401 - a fixture

FINITE = st.floats(allow_nan=False, allow_infinity=False)
SUM = "add(mul(0.1, log(nodes_sum(params))), add(mul(-2.5e-07, nodes_max(fan_in)), 3.0))"


@example(value=5e-324)
@example(value=0.1 + 0.2)
@example(value=1.7976931348623157e308)
@given(value=FINITE)
def test_every_finite_number_keeps_every_bit_in_text(value):
    graph = parse(f"mul({value!r}, nodes_sum(params))")
    assert graph.arguments[0].operation.value == value
    assert parse(str(graph)) == graph
    assert str(parse(str(graph))) == str(graph)
    assert graph == Expression(graph.operation, [Expression(Literal(value)), parse("nodes_sum(params)")])


@pytest.mark.parametrize(("text", "value"), [("2", 2.0), ("+.5", 0.5), ("-1E3", -1000.0), ("7.", 7.0), ("-0.0", 0.0)])
def test_other_ways_to_write_a_number(text, value):
    assert str(parse(f"mul({text}, nodes_sum(params))")) == f"mul({value!r}, nodes_sum(params))"


@pytest.mark.parametrize("text", ["1e999", "mul(nan, nodes_sum(params))", "0.5(params)", "1.2.3", "0x10", "1_000"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises((KindError, LookupError)):
        parse(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_constant_is_finite(value):
    with pytest.raises(KindError, match="finite"):
        Literal(value)


def test_different_numbers_are_different_graphs():
    near = float(np.nextafter(0.1, 1))
    assert parse("mul(0.1, nodes_sum(params))") != parse(f"mul({near!r}, nodes_sum(params))")
    assert parse("mul(0.1, nodes_sum(params))") == parse("mul(nodes_sum(params), 0.1)")


def table():
    rng = np.random.default_rng(0)
    params, fan_in = parse("params"), parse("fan_in")
    roles = (Role.EMBED, Role.MLP, Role.HEAD)
    values = [rng.integers(1, 100, size=(2, 3)).astype(float) for _ in range(4)]
    return [Leaves({Site.LINEAR: roles}, {params.digest: a, fan_in.digest: b}) for a, b in values], values


def test_its_value_is_that_of_the_reference():
    leaves, values = table()
    scores = Evaluator(LeafTable(leaves)).scores([parse(SUM), parse("0.25")])
    for column, (params, fan_in) in enumerate(values):
        plain = PlainNetwork({}, {"params": params.tolist(), "fan_in": fan_in.tolist()}, {"linear": [Role.MLP] * 3})
        assert scores[0, column] == pytest.approx(interpret(parse(SUM), plain), rel=1e-14)
        expected = 0.1 * np.log(params.sum()) - 2.5e-07 * fan_in.max() + 3
        assert scores[0, column] == pytest.approx(expected, rel=1e-14)
    assert (scores[1] == 0.25).all()


def test_exported_it_scores_alike(exported):  # noqa: F811 - the fixture
    proxy = Proxy("sum", parse(SUM), -1)
    file = exported(proxy)
    for model, images, labels in own_networks():
        assert file.score(model, images, labels) == pytest.approx(proxy.score(model, images, labels), rel=1e-12)


def test_a_file_gives_the_same_proxy(tmp_path):
    proxy = Proxy("sum", weighted_sum([(0.1 + 0.2, parse("nodes_sum(params)")), (-1 / 3, parse("nodes_max(macs)"))]))
    proxy.save(tmp_path / "best.json")
    again = Proxy.read(tmp_path / "best.json")
    assert (again.graph, again.identity) == (proxy.graph, proxy.identity)
    assert json.loads((tmp_path / "best.json").read_text())["graph"] == str(proxy.graph)


def test_formulas_for_readers():
    proxy = Proxy("sum", parse(SUM))
    assert formula(proxy.graph) == "0.1 * log(nodes_sum(params)) - 2.5e-07 * nodes_max(fan_in) + 3"
    assert r"0.1 \cdot \ln" in to_latex(proxy)
    assert r"- 2.5 \cdot 10^{-7} \cdot \max" in to_latex(proxy)
    assert "-2.5e-07" in to_svg(proxy)
    symbols = to_sympy(proxy)
    assert {0.1, -2.5e-07, 3.0} <= {float(each) for each in symbols.atoms(sympy.Float)}


@given(weights=st.lists(FINITE, min_size=2, max_size=300))
def test_terms_of_a_sum_are_what_it_was_made_of(weights):
    scalar = parse("nodes_sum(params)")
    total = weighted_sum([(weight, scalar) for weight in weights])
    assert weighted_terms(total) == [(weight, scalar) for weight in weights]
    assert parse(str(total)) == total


def test_a_sum_needs_terms():
    with pytest.raises(KindError, match="at least one"):
        weighted_sum([])


@pytest.mark.parametrize(
    ("text", "written", "sign"),
    [
        ("mul(2.0, nodes_sum(params))", "nodes_sum(params)", 1),
        ("mul(nodes_sum(params), -0.5)", "nodes_sum(params)", -1),
        ("mul(0.0, nodes_sum(params))", "mul(0.0, nodes_sum(params))", 1),
        ("mul(1e-30, nodes_sum(params))", "mul(1e-30, nodes_sum(params))", 1),
        ("tanh(mul(1.0, nodes_sum(params)))", "tanh(nodes_sum(params))", 1),
        ("tanh(add(0.0, nodes_sum(params)))", "tanh(nodes_sum(params))", 1),
        ("tanh(add(nodes_sum(params), mul(2.0, neg(3.0))))", "tanh(add(nodes_sum(params), -6.0))", 1),
    ],
)
def test_simplified(text, written, sign):
    assert simplify(parse(text)) == (parse(written), sign)


def made_for(low, high):
    provenance = {"made_for": {"spaces": ["autoformer-micro"], "params": [low, high]}}
    return Proxy("mine", parse("nodes_max(norm_width)"), provenance=provenance)


def of_depths(*depths):
    space = autoprox.space("autoformer-micro")
    arch = space.sample(np.random.default_rng(0)).genes
    return [
        space.build(
            arch | {"depth": depth, "mlp_ratio": [2.0] * depth, "num_heads": [2] * depth},
            num_classes=5,
            img_size=8,
            in_chans=1,
        )
        for depth in depths
    ]


def scored(proxy, models):
    rng = np.random.default_rng(0)
    return proxy.score_many(models, rng.normal(size=(4, 1, 8, 8)).astype(np.float32), np.arange(4))


def test_networks_beyond_the_table_and_ties_are_one_warning():
    models = of_depths(2, 3)
    sizes = [sum(each.numel() for each in model.parameters()) for model in models]
    with pytest.warns(DoubtfulScoresWarning) as said:
        scored(made_for(sizes[0], sizes[0]), iter(models))
    (warning,) = said
    assert "1 of 2 networks are outside the range that it was made for" in str(warning.message)
    assert "at least 2 of 2 networks get exactly the same score" in str(warning.message)


def test_what_is_of_the_table_and_told_apart_is_scored_without_a_word():
    (model,) = of_depths(2)
    size = sum(each.numel() for each in model.parameters())
    assert np.isfinite(scored(made_for(size, size), [model])).all()
    assert np.isfinite(scored(Proxy("by hand", parse("nodes_max(norm_width)")), of_depths(2, 3))).all()

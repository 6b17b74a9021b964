"""The laws of `simplify`, on random graphs over random values, and what it is expected to do to known ones."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autoprox.base.errors import KindError
from autoprox.evolve.grammar import leaf_grammar
from autoprox.evolve.variation import generate
from autoprox.graph import (
    PRIMITIVES,
    Evaluator,
    Expression,
    Form,
    LeafTable,
    Leaves,
    Level,
    Literal,
    evaluate_leaves,
    is_nonnegative,
    parse,
    simplify,
)
from autoprox.inspect.nodes import Role, Site
from tests.graph.networks import collections

# Few leaves, so that equal sub-expressions meet; one of them of either sign, and one at another site.
LEAVES = [parse(text) for text in ("mean(weight)", "l1(weight)", "params", "std(norm_output)")]
ROLES = [Role.EMBED, Role.ATTENTION, Role.MLP, Role.POOL, Role.HEAD]
NODE = [each for each in PRIMITIVES[Level.NODE].values() if each.form is not Form.AGGREGATE]
AGGREGATORS = [each for each in PRIMITIVES[Level.NODE].values() if each.form is Form.AGGREGATE]
SCALAR = list(PRIMITIVES[Level.SCALAR].values())


def drawn(level, depth, rng):
    """A graph of a level in which every primitive is as likely as any other."""
    if level is Level.NODE and (depth == 0 or rng.random() < 0.1):
        return LEAVES[int(rng.integers(len(LEAVES)))]
    if level is Level.SCALAR and rng.random() < 0.1:
        return Expression(Literal(float(rng.choice([0.0, 1.0, -1.0, 0.25, rng.normal(), 1e9 * rng.normal()]))))
    scalar = level is Level.SCALAR and depth > 1 and rng.random() < 0.6
    choices = SCALAR if scalar else AGGREGATORS if level is Level.SCALAR else NODE
    primitive = choices[int(rng.integers(len(choices)))]
    first = drawn(primitive.level, max(depth - 1, 0), rng)
    others = [first if rng.random() < 0.2 else drawn(primitive.level, max(depth - 1, 0), rng)]
    arguments = [first, *others][: primitive.arity]
    try:
        return Expression(primitive, arguments)
    except KindError:
        return drawn(level, depth, rng)


def random_table(rng):
    """Values of networks of different depth; some networks are alike, many values are equal, some are extreme."""
    scale = 10.0 ** rng.integers(-12, 12)
    networks = []
    for _ in range(12):
        roles = {Site.LINEAR: [*ROLES, *rng.choice(ROLES, size=rng.integers(4))], Site.NORM: [Role.MLP, Role.HEAD]}
        values = {}
        for leaf in LEAVES:
            numbers = rng.integers(-3, 4, size=len(roles[leaf.kind.site])) * scale
            if rng.random() < 0.5:
                numbers = numbers + scale * rng.normal(size=numbers.shape)
            values[leaf.digest] = np.abs(numbers) if is_nonnegative(leaf) else numbers
        networks.append(Leaves({site: tuple(each) for site, each in roles.items()}, values))
    return LeafTable([*networks, *networks[:2]])


def orders(scores):
    """Of all pairs of networks, which one scores higher, `(A, A)`."""
    return np.sign(scores[:, None] - scores[None, :])


def one_value(scores):
    """Of all pairs of networks, whether they agree to twelve digits."""
    largest = np.maximum(np.abs(scores[:, None]), np.abs(scores[None, :]))
    return np.abs(scores[:, None] - scores[None, :]) <= 1e-12 * (largest + 1e-30)


@settings(max_examples=150)
@example(seed=7529)  # the logarithm of the square of a tiny number
@example(seed=122815)  # a number and its negative among the members of a maximum
@example(seed=7148)  # two constants among the members of a minimum
@given(seed=st.integers(0, 2**32))
def test_ranking_size_and_idempotence(seed):
    rng = np.random.default_rng(seed)
    table = random_table(rng)
    for _ in range(6):
        graph = drawn(Level.SCALAR, int(rng.integers(1, 7)), rng)
        simplified, sign = simplify(graph)
        assert simplified.size <= graph.size
        assert simplify(simplified) == (simplified, 1)
        assert sign in (1, -1)
        before, after = Evaluator(table).scores([graph, simplified])
        defined = np.isfinite(before)
        assert np.isfinite(after[defined]).all(), (str(graph), str(simplified))
        before, after = before[defined], after[defined]
        alike = (orders(before) == sign * orders(after)) | one_value(after)
        assert alike.all(), (str(graph), str(simplified), sign)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_values_that_are_no_scores_stay_to_the_bit(seed):
    rng = np.random.default_rng(seed)
    table = random_table(rng)
    for _ in range(4):
        graph = drawn(Level.NODE, int(rng.integers(1, 6)), rng)
        simplified, sign = simplify(graph)
        assert (sign, simplified.kind) == (1, graph.kind)
        assert simplified.size <= graph.size
        # A strictly increasing map on top keeps the final rules away from the value.
        first = [parse(f"tanh(nodes_{name}({each}))") for each in (graph, simplified) for name in ("first", "last")]
        scores = Evaluator(table).scores(first)
        half = len(first) // 2
        defined = np.isfinite(scores[:half])
        np.testing.assert_array_equal(scores[:half][defined], scores[half:][defined])


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_leaves_stay_to_the_bit(seed):
    rng = np.random.default_rng(seed)
    grammar = leaf_grammar(list(Site)[int(rng.integers(len(Site)))])
    for _ in range(4):
        leaf = grammar.expression(generate(grammar, grammar.pset.ret, 4, rng))
        simplified, _ = simplify(leaf)
        assert simplified.size <= leaf.size
        if simplified == leaf:
            continue
        collection = collections()[0]
        roles = {site: tuple(node.role for node in nodes) for site, nodes in collection.nodes.items()}
        values = evaluate_leaves(collection, [leaf, *simplified.node_leaves])
        pair = [
            parse(f"nodes_{name}({each})") for each in (leaf, simplified) for name in ("first", "last", "sum", "max")
        ]
        found = Evaluator(LeafTable([Leaves(roles, values)])).scores(pair)[:, 0]
        if np.isfinite(values[leaf.digest]).all():
            np.testing.assert_array_equal(found[:4], found[4:], err_msg=f"{leaf} {simplified}")


def test_something_is_simplified():
    """The properties above would hold for a function that does nothing."""
    rng = np.random.default_rng(0)
    graphs = [drawn(Level.SCALAR, 5, rng) for _ in range(300)]
    smaller = [simplify(graph).graph.size < graph.size for graph in graphs]
    assert np.mean(smaller) > 0.4


@pytest.mark.parametrize(
    ("text", "expected", "sign"),
    [
        ("nodes_sum(params)", "nodes_sum(params)", 1),
        ("identity(nodes_sum(identity(params)))", "nodes_sum(params)", 1),
        ("neg(neg(nodes_sum(params)))", "nodes_sum(params)", 1),
        ("neg(nodes_sum(params))", "nodes_sum(params)", -1),
        ("nodes_sum(neg(params))", "nodes_sum(params)", -1),
        ("nodes_max(neg(mean(weight)))", "nodes_min(mean(weight))", -1),
        ("log(sqrt(square(nodes_sum(l1(weight)))))", "nodes_sum(l1(weight))", 1),
        ("log(square(nodes_sum(params)))", "log(square(nodes_sum(params)))", 1),
        ("neg(log(nodes_sum(square(mean(weight)))))", "log(nodes_sum(square(mean(weight))))", -1),
        ("square(square(nodes_sum(params)))", "nodes_sum(params)", 1),
        ("square(square(square(nodes_sum(params))))", "square(square(square(nodes_sum(params))))", 1),
        ("logabs(neg(nodes_sum(params)))", "nodes_sum(params)", 1),
        ("log(nodes_sum(mean(weight)))", "log(nodes_sum(mean(weight)))", 1),
        ("exp(nodes_sum(mean(weight)))", "exp(nodes_sum(mean(weight)))", 1),
        ("nodes_std(neg(mean(weight)))", "nodes_std(mean(weight))", 1),
        ("nodes_std(abs(mean(weight)))", "nodes_std(abs(mean(weight)))", 1),
        ("nodes_norm(abs(mean(neg(weight))))", "nodes_norm(mean(weight))", 1),
        ("nodes_sum(l1(abs(neg(weight))))", "nodes_sum(l1(weight))", 1),
        ("nodes_sum(frobenius(matmul(weight, weight)))", "nodes_sum(frobenius(gram(weight)))", 1),
        ("nodes_sum(square(mean(weight)))", "nodes_norm(mean(weight))", 1),
        ("nodes_sum(only_mlp(square(mean(weight))))", "nodes_norm(only_mlp(mean(weight)))", 1),
        ("nodes_sum(log(abs(mean(weight))))", "nodes_logsum(mean(weight))", 1),
        ("nodes_sum(rank(rank(params)))", "nodes_sum(rank(params))", 1),
        ("nodes_mean(only_body(only_mlp(params)))", "nodes_mean(only_mlp(params))", 1),
        ("nodes_mean(only_mlp(only_body(params)))", "nodes_mean(only_mlp(params))", 1),
        ("nodes_sum(add(only_mlp(params), only_mlp(macs)))", "nodes_sum(only_mlp(add(params, macs)))", 1),
        ("add(nodes_sum(params), nodes_sum(params))", "nodes_sum(params)", 1),
        ("add(nodes_sum(params), neg(nodes_sum(macs)))", "sub(nodes_sum(params), nodes_sum(macs))", None),
        ("mul(nodes_sum(params), nodes_sum(params))", "nodes_sum(params)", 1),
        ("mul(neg(nodes_sum(params)), neg(nodes_max(macs)))", "mul(nodes_sum(params), nodes_max(macs))", 1),
        ("nodes_sum(add(macs, sub(params, params)))", "nodes_sum(macs)", 1),
        ("nodes_sum(mul(macs, tanh(sub(params, params))))", "nodes_sum(sub(params, params))", 1),
        ("maximum(nodes_sum(params), nodes_sum(params))", "nodes_sum(params)", 1),
        ("nodes_sum(maximum(mean(weight), neg(mean(weight))))", "nodes_sum(abs(mean(weight)))", 1),
        (
            "nodes_sum(maximum(maximum(mean(weight), macs), neg(mean(weight))))",
            "nodes_sum(maximum(abs(mean(weight)), macs))",
            1,
        ),
        ("minimum(minimum(2.0, nodes_sum(params)), 3.0)", "minimum(2.0, nodes_sum(params))", 1),
        ("nodes_sum(maximum(neg(params), neg(macs)))", "nodes_sum(minimum(params, macs))", -1),
    ],
)
def test_known(text, expected, sign):
    simplified = simplify(parse(text))
    if sign is None:  # the order of a final difference is that of digests
        first, second = parse(expected).arguments
        assert simplified.graph in (parse(expected), parse(f"sub({second}, {first})"))
    else:
        assert simplified == (parse(expected), sign)


def test_maxima_are_associative_and_commutative():
    texts = [
        "maximum(maximum(nodes_sum(params), nodes_max(macs)), nodes_min(fan_in))",
        "maximum(nodes_min(fan_in), maximum(nodes_max(macs), nodes_sum(params)))",
        "maximum(maximum(nodes_min(fan_in), nodes_max(macs)), maximum(nodes_sum(params), nodes_max(macs)))",
        "neg(minimum(neg(nodes_sum(params)), minimum(neg(nodes_min(fan_in)), neg(nodes_max(macs)))))",
    ]
    assert len({simplify(parse(text)).graph for text in texts}) == 1


def test_nothing_to_do_gives_the_graph_itself():
    graph = parse("nodes_sum(rank(l1(weight)))")
    assert simplify(graph).graph is graph

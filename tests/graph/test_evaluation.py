"""The compiled evaluation against the slow interpreter, on real networks of different depth."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autoprox.base.errors import KindError
from autoprox.evolve.grammar import leaf_grammar, proxy_grammar
from autoprox.evolve.leaves import FIRST_DEEPER, first_bank
from autoprox.evolve.variation import generate
from autoprox.graph import Evaluator, LeafTable, Leaves, evaluate_leaves, parse
from autoprox.inspect.nodes import Site
from tests.graph.interpreter import interpret
from tests.graph.networks import collections, plain_networks


def leaves_of_collection(collection, expressions):
    roles = {site: tuple(node.role for node in nodes) for site, nodes in collection.nodes.items()}
    return Leaves(roles, evaluate_leaves(collection, expressions))


def random_graph(seed: int):
    """A graph over leaves drawn for it: neither side of the comparison has seen it before."""
    rng = np.random.default_rng(seed)
    sites = list(Site)
    leaves = []
    for _ in range(3):
        grammar = leaf_grammar(sites[int(rng.integers(len(sites)))])
        leaves.append(grammar.expression(generate(grammar, grammar.pset.ret, 3, rng)))
    counts = [each for each in first_bank() if not each.arguments]
    grammar = proxy_grammar([*leaves, *counts[:3]])
    for _ in range(50):
        try:
            return grammar.expression(generate(grammar, grammar.pset.ret, 5, rng))
        except KindError:
            continue
    raise AssertionError("no graph in 50 draws")


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32))
@example(seed=117)  # a sigmoid whose exponential is denormal
@example(seed=261)  # ranks of values that are equal except for rounding
def test_equals_the_interpreter(seed):
    graph = random_graph(seed)
    table = LeafTable([leaves_of_collection(each, graph.node_leaves) for each in collections()])
    found = Evaluator(table).scores([graph])[0]
    for got, network in zip(found, plain_networks(), strict=True):
        wanted = _interpreted(graph, network)
        if _stands(graph, network, wanted):
            # Ten times what jitter may change: it does not reach the values inside of one operation.
            assert _close(got, wanted, slack=10), (str(graph), got, wanted)


def test_most_graphs_can_be_compared():
    """The comparison above rarely passes over rounding, or an overflow of Python's own."""
    compared = 0
    for seed in range(60):
        graph, network = random_graph(seed), plain_networks()[0]
        compared += _stands(graph, network, _interpreted(graph, network))
    assert compared >= 48


def _stands(graph, network, wanted) -> bool:
    """False if the twelfth digit of an intermediate value changes the score: only rounding could be compared then.

    Several draws, since the rank of one node among few may stay the same by chance.
    """
    jittered = (_interpreted(graph, network, np.random.default_rng(seed)) for seed in range(4))
    return wanted is not None and all(each is not None and _close(each, wanted) for each in jittered)


def _interpreted(graph, network, jitter=None):
    try:
        with np.errstate(all="ignore"):
            return float(interpret(graph, network, jitter))
    except OverflowError:
        return None  # Python's math raises where NumPy gives an infinity


def _close(got: float, wanted: float, slack: float = 1) -> bool:
    if not math.isfinite(wanted):
        return not math.isfinite(got)
    # What cancels to nothing is rounding noise of some 1e-14, and a root makes 1e-7 of it.
    return math.isclose(got, wanted, rel_tol=slack * 1e-5, abs_tol=slack * 1e-6)


@pytest.mark.parametrize("leaf", first_bank()[:-FIRST_DEEPER], ids=str)
def test_every_plain_leaf_of_the_first_bank(leaf):
    for collection, plain in zip(collections()[:2], plain_networks()[:2], strict=True):
        found = evaluate_leaves(collection, [leaf])[leaf.digest]
        expected = [value for _, value in interpret(leaf, plain)]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_value_does_not_depend_on_company():
    """The same leaf alone, among many, and of one network or several: the same bits."""
    leaves = first_bank()
    together = evaluate_leaves(collections()[0], leaves)
    for leaf in leaves[::23]:
        assert evaluate_leaves(collections()[0], [leaf])[leaf.digest].tobytes() == together[leaf.digest].tobytes()
    graph = parse("add(nodes_sum(rank(l1(weight_grad))), nodes_std(only_mlp(std(output))))")
    tables = [[leaves_of_collection(each, graph.node_leaves)] for each in collections()]
    alone = [Evaluator(LeafTable(each)).scores([graph])[0, 0] for each in tables]
    block = Evaluator(LeafTable([each[0] for each in tables])).scores([graph])[0]
    np.testing.assert_array_equal(block, alone)


def test_memory_bound_does_not_change_values():
    graphs = [parse(f"nodes_sum({f}(rank(l1(weight))))") for f in ("square", "tanh", "deep", "neg", "log")]
    table = LeafTable([leaves_of_collection(each, graphs[0].node_leaves) for each in collections()])
    plenty, none = Evaluator(table), Evaluator(table, memory_bytes=0)
    np.testing.assert_array_equal(plenty.scores(graphs), none.scores(graphs))


def test_architecture_without_a_role_is_undefined():
    graph = parse("nodes_mean(only_attention(norm_width))")
    leaves = [leaves_of_collection(each, graph.node_leaves) for each in collections()]
    mlp_only = Leaves({Site.NORM: leaves[0].roles[Site.NORM][-1:]}, {k: v[-1:] for k, v in leaves[0].values.items()})
    scores = Evaluator(LeafTable([leaves[0], mlp_only])).scores([graph])[0]
    assert np.isfinite(scores[0])
    assert np.isnan(scores[1])


def test_score_must_be_scalar():
    table = LeafTable([leaves_of_collection(collections()[0], parse("nodes_sum(params)").node_leaves)])
    with pytest.raises(KindError, match="must be SCALAR"):
        Evaluator(table).scores([parse("params")])


def test_a_site_without_nodes_is_undefined_and_nothing_else_is():
    import torch

    from autoprox.inspect.nodes import Role, declare
    from autoprox.statistics import collect

    model = declare(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2)), Role.HEAD)
    collection = collect(model, torch.ones(1, 1, 4, 4), [0], ["weight", "attention"])
    graphs = [parse("nodes_sum(l1(attention))"), parse("nodes_sum(l1(weight))")]
    leaves = [leaf for graph in graphs for leaf in graph.node_leaves]
    roles = {site: tuple(node.role for node in nodes) for site, nodes in collection.nodes.items()}
    table = LeafTable([Leaves(roles, evaluate_leaves(collection, leaves))])
    scores = Evaluator(table).scores(graphs)[:, 0]
    assert np.isnan(scores[0])
    assert scores[1] == pytest.approx(model[1].weight.abs().sum().item())

"""Text, digests and the networkx view of graphs."""

import pickle
import subprocess
import sys

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoprox.base.errors import KindError, RegistryError
from autoprox.graph import formula, merge, parse
from tests.graph.test_evaluation import random_graph


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32))
def test_what_is_printed_parses_to_the_same(seed):
    graph = random_graph(seed)
    again = parse(str(graph))
    assert again == graph
    assert str(again) == str(graph)
    assert pickle.loads(pickle.dumps(graph)) == graph
    assert again.size == str(graph).count("(") + sum(str(graph).count(c) for c in ",") + 1 - _unary_extra(graph)


def _unary_extra(graph) -> int:
    """Brackets and commas count a unary call once and a binary call twice, and its leaves not at all."""
    text = str(graph)
    names = len([word for word in text.replace("(", " ").replace(")", " ").replace(",", " ").split() if word])
    return text.count("(") + text.count(",") + 1 - names


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32))
def test_networkx_view(seed):
    graph = random_graph(seed)
    view = graph.to_networkx()
    assert nx.is_directed_acyclic_graph(view)
    assert [node for node in view if view.out_degree(node) == 0] == [graph.digest]
    for each in graph.walk():
        edges = sorted((p, u) for u, _, data in view.in_edges(each.digest, data=True) for p in data["position"])
        assert [u for _, u in edges] == [argument.digest for argument in each.arguments]
    assert merge([graph, graph]).number_of_nodes() == view.number_of_nodes()


def test_equality_is_up_to_commutation():
    assert parse("nodes_sum(l1(mul(weight, weight_grad)))") == parse("nodes_sum(l1(mul(weight_grad, weight)))")
    assert parse("nodes_sum(l1(sub(weight, weight_grad)))") != parse("nodes_sum(l1(sub(weight_grad, weight)))")
    assert parse("nodes_sum(log(l1(weight)))") != parse("log(nodes_sum(l1(weight)))")


def test_digest_is_the_same_in_a_fresh_process():
    text = "nodes_sum(l1(mul(weight, weight_grad)))"
    code = f"from autoprox.graph import parse; print(parse({text!r}).digest)"
    # Another hash seed than that of the tests, which is drawn at random unless it is given.
    environment = {"PYTHONHASHSEED": "1", "PATH": ""}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == parse(text).digest


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", KindError, "expected a name"),
        ("nodes_sum(l1(weight)", KindError, "expected '\\)'"),
        ("nodes_sum(l1(weight)))", KindError, "end of text"),
        ("nodes_sum(l1(weight) l1(weight))", KindError, "expected"),
        ("nodes_sum(%)", KindError, "character 10"),
        ("nodes_sum(3)", RegistryError, "not for SCALAR"),
        ("add(nodes_sum(params), params)", KindError, "was given a NODE"),
        ("nodes_sum(weight)", RegistryError, "not for TENSOR"),
        ("nodes_sum(l1(wieght))", RegistryError, "Did you mean 'weight'"),
        ("nodes_sun(l1(weight))", RegistryError, "Did you mean 'nodes_sum'"),
        ("nodes_sum(l1(mul(weight, input)))", KindError, "cannot pair"),
        ("nodes_sum(l1(mul(weight)))", KindError, "2 argument"),
        ("nodes_sum(only_mlp(only_attention(l1(weight))))", KindError, "keeps no node"),
        ("nodes_sum(add(only_mlp(params), only_attention(params)))", KindError, "no role in common"),
        ("nodes_sum", KindError, "needs arguments"),
        ("neg(" * 300 + "nodes_sum(params)" + ")" * 300, KindError, "nested"),
    ],
)
def test_bad_text(text, error, message):
    with pytest.raises(error, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("nodes_sum(sub(l1(weight), mul(params, macs)))", "nodes_sum(l1(weight) - (params * macs))"),
        ("nodes_sum(square(add(params, macs)))", "nodes_sum((params + macs)**2)"),
        ("neg(nodes_sum(abs(params)))", "-nodes_sum(|params|)"),
        ("div(nodes_sum(params), neg(nodes_sum(macs)))", "nodes_sum(params) / (-nodes_sum(macs))"),
    ],
)
def test_formula(text, written):
    assert formula(parse(text)) == written

"""The authors' notation against graphs written by hand, and invalid genotypes."""

import pytest

from autoprox.base.errors import KindError, RegistryError
from autoprox.graph import PRIMITIVES, Level, parse
from autoprox.scorers.zoo._genotypes import BINARY, INPUTS, UNARY, from_genotype
from autoprox.statistics import STATISTICS

TREES = [
    (
        ["t2", "t2g"],
        [[19, 2], [0, 3], 2],
        "nodes_mean(mul(mean(abs(identity(weight))), mean(square(log(weight_grad)))))",
    ),
    (["t2", "t3"], [[8, 8], [10, 10], 1], "nodes_mean(sub(abs(frobenius(weight)), abs(mean_abs(input))))"),
    (["t1", "t1g"], [[9, 9], [17, 1], 0], "nodes_mean(add(identity(mean(activation)), logabs(mean(activation_grad))))"),
    (
        ["t4", "t2"],
        [[18, 6], [4, 7], 0],
        "add(nodes_mean(relu(std(norm_output))), nodes_mean(mean(reciprocal(exp(weight)))))",
    ),
]


@pytest.mark.parametrize(("inputs", "operations", "written"), TREES)
def test_tree(inputs, operations, written):
    assert str(from_genotype(inputs, operations)) == written
    assert from_genotype(inputs, operations) == parse(written)


def test_linear():
    assert str(from_genotype(["t3g"], [16, 13, 11, 5], "linear")) == (
        "nodes_mean(mean(zscore(softmax(log_softmax(minmax(input_grad))))))"
    )


def test_graph_sums_its_earlier_states_each_through_an_operation_of_its_own():
    first = "add(abs(weight), square(weight_grad))"
    second = f"add(add(neg(weight), relu(weight_grad)), sqrt({first}))"
    found = from_genotype(["t2", "t2g"], [[2, 3], [15, 6, 14]], "graph")
    assert str(found) == f"add(nodes_mean(mean({first})), nodes_mean(mean({second})))"


def test_graph_of_three_states_as_published():
    found = from_genotype(["t2", "t2g"], [[8, 8], [8, 8, 2], [10, 9, 12, 4]], "graph")
    assert found.kind.level is Level.SCALAR
    assert str(found).count("nodes_mean") == 3


def test_lists_have_the_published_length_and_name_primitives_and_statistics():
    assert len(UNARY) == 20
    assert set(UNARY) | set(BINARY) <= set(PRIMITIVES[Level.TENSOR])
    assert list(INPUTS) == ["t1", "t1g", "t2", "t2g", "t3", "t3g", "t4", "t4g"]
    assert set(INPUTS.values()) <= set(STATISTICS)


@pytest.mark.parametrize(
    ("inputs", "operations", "structure", "error", "message"),
    [
        (["t2", "t5"], [[1, 2], [1, 2], 0], "tree", RegistryError, "Unknown input 't5'"),
        (["t2"], [1], "trie", RegistryError, "Did you mean 'tree'"),
        (["t2"], [[1, 2], [1, 2], 0], "tree", KindError, "2 input"),
        ("t2", [[1, 2], [1, 2], 0], "tree", KindError, "2 input"),
        (["t2", "t2"], [[1, 2], [1, 2]], "tree", KindError, "binary"),
        (["t2", "t2"], [[1, 2], [1, 2], 4], "tree", KindError, "0 to 3"),
        (["t2", "t2"], [[1, 2], [], 0], "tree", KindError, "list of indices"),
        (["t2", "t2"], [1, 2, 0], "tree", KindError, "list of indices"),
        (["t2"], [20], "linear", KindError, "0 to 19"),
        (["t2"], [-1], "linear", KindError, "0 to 19"),
        (["t2"], ["log"], "linear", KindError, "0 to 19"),
        (["t2"], [8, 5], "linear", KindError, "is constant"),
        (["t2", "t2"], [[1], [1], 3], "tree", KindError, "matrix product"),
        (["t2", "t4"], [[1], [1], 2], "tree", KindError, "different modules"),
        (["t2", "t4"], [[1, 1]], "graph", KindError, "cannot pair"),
        (["t2", "t2"], [[1, 8]], "graph", KindError, "was given a NODE"),
        (["t2", "t2"], [[1, 1], [1, 1]], "graph", KindError, "State 2"),
        (["t2", "t2"], [], "graph", KindError, "has no states"),
    ],
)
def test_what_has_no_meaning_is_refused(inputs, operations, structure, error, message):
    with pytest.raises(error, match=message):
        from_genotype(inputs, operations, structure)

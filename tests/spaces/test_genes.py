"""The layout of genes on toy layouts."""

import numpy as np
import pytest

from autoprox.base.errors import SpecError
from autoprox.spaces import Gene, Layout

TOY = Layout(
    (Gene("depth", (1, 2, 3)), Gene("pair", ((1, 2), (3, 4))), Gene("heads", (1, 2, 4), along="depth")),
)
GENES = {"depth": 2, "pair": [1, 2], "heads": [1, 4]}


@pytest.mark.parametrize("choices", [(), (1, 1), (1, 1.0), "ab", (True, 2), (None,), (float("nan"),), ({1: 2},)])
def test_a_gene_needs_distinct_choices(choices):
    with pytest.raises(SpecError, match="gene 'width'"):
        Gene("width", choices)


@pytest.mark.parametrize(
    ("value", "matched"),
    [
        (1, 1),
        (1.0, 1),
        (np.int64(2), 2),
        (np.float32(4.0), 4),
        (3, None),
        (True, None),
        (np.True_, None),
        ("1", None),
        (1 + 0j, None),
        (float("nan"), None),
        (None, None),
        ([1], None),
    ],
)
def test_match(value, matched):
    assert Gene("heads", (1, 2, 4)).match(value) == matched


@pytest.mark.parametrize("value", [[1, 2], (1, 2), np.array([1, 2]), [1.0, np.int64(2)]])
def test_match_of_numbers_that_belong_together(value):
    matched = TOY.genes[1].match(value)
    assert matched == [1, 2]
    assert [type(element) for element in matched] == [int, int]


@pytest.mark.parametrize("value", [[1], [1, 2, 3], [1, 4], "12", 12, [True, 2], [[1], 2], np.array(3)])
def test_no_match_of_numbers_that_belong_together(value):
    assert TOY.genes[1].match(value) is None


def test_every_fault_is_named():
    reasons = TOY.why_not({"depht": 2, "pair": [2, 1], "heads": [1, 3, 7]})
    assert reasons == [
        "There is no gene 'depht'. Did you mean 'depth'? Allowed: depth, heads, pair.",
        "The gene 'depth' is missing; allowed: 1, 2, 3.",
        "The gene 'pair' is [2, 1]; allowed: [1, 2], [3, 4].",
        "Value 2 of the gene 'heads' is 3; allowed: 1, 2, 4.",
        "Value 3 of the gene 'heads' is 7; allowed: 1, 2, 4.",
    ]


def test_wrong_number_of_layers():
    assert TOY.why_not({**GENES, "heads": [1]}) == ["The gene 'heads' has 1 values; for a 'depth' of 2 it must have 2."]


def test_neighbours_of_another_depth_drop_or_repeat_the_last_layer():
    by_depth = {genes["depth"]: genes["heads"] for genes in TOY.neighbours(GENES) if genes["depth"] != 2}
    assert by_depth == {1: [1], 3: [1, 4, 4]}


def test_mutation_keeps_the_layers_that_stay():
    rng = np.random.default_rng(0)
    new = set()
    for _ in range(300):
        child = TOY.mutate(GENES, rng)
        if child["depth"] != 2:
            assert child["heads"][:2] == GENES["heads"][: child["depth"]]
            new.update(child["heads"][2:])
    assert new == {1, 2, 4}, "the genes of new layers are drawn"


def test_variation_leaves_its_arguments_alone():
    first, second = {**GENES, "heads": [1, 4]}, {"depth": 3, "pair": [3, 4], "heads": [2, 2, 2]}
    rng = np.random.default_rng(1)
    child = TOY.crossover(first, second, rng)
    for changed in (child, TOY.mutate(first, rng), *TOY.neighbours(first)):
        changed["heads"][0] = "changed"
        changed["pair"][0] = "changed"
    assert first == GENES
    assert second == {"depth": 3, "pair": [3, 4], "heads": [2, 2, 2]}


def test_uniform_draws():
    rng = np.random.default_rng(2)
    depths = np.bincount([TOY.sample(rng)["depth"] for _ in range(3000)], minlength=4)[1:]
    # Three standard deviations of a binomial count around 1000.
    assert (np.abs(depths - 1000) < 3 * np.sqrt(3000 * (1 / 3) * (2 / 3))).all()

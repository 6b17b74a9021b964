"""Genes along stages, layers and linear maps, and genes that go together only in part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoprox.base.errors import SpecError
from autoprox.spaces import Gene, Layout, Length, Total

STAGED = Layout(
    (
        Gene("stages", (1, 2, 3)),
        Gene("depth", (1, 2, 3), along="stages"),
        Gene("mixer", ("pool", "conv"), along=Length("depth")),
        Gene("heads", (1, 2, 4), along=Total("depth")),
        Gene("bits", ((4, 8), (8, 8)), along=2),
    )
)


def even(genes):
    return sum(genes["width"]) % 2 == 0 or "the widths add up to an odd number"


PICKY = Layout((Gene("depth", (1, 2, 3)), Gene("width", (1, 2, 3), along="depth")), valid=even)


@given(seed=st.integers(0, 2**32 - 1))
def test_lists_are_as_long_as_their_axes_say(seed):
    rng = np.random.default_rng(seed)
    first, second = STAGED.sample(rng), STAGED.sample(rng)
    mutant, child = STAGED.mutate(first, rng), STAGED.crossover(first, second, rng)
    for genes in (first, second, mutant, child, *STAGED.neighbours(first)):
        assert len(genes["depth"]) == len(genes["mixer"]) == genes["stages"]
        assert len(genes["heads"]) == sum(genes["depth"])
        assert len(genes["bits"]) == 2
        assert STAGED.why_not(genes) == []
        assert STAGED.normalised(genes) == genes
    assert mutant != first
    assert STAGED.crossover(first, first, rng) == first


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"heads": [1]}, "The gene 'heads' has 1 values; with these genes it must have 3."),
        ({"depth": [1]}, "The gene 'depth' has 1 values; for a 'stages' of 2 it must have 2."),
        ({"mixer": ["pool", "cnov"]}, "Value 2 of the gene 'mixer' is 'cnov'; allowed: pool, conv."),
        ({"bits": 4}, "The gene 'bits' is 4; it must be a list of values."),
    ],
)
def test_what_is_wrong_with_a_list_is_said(changed, reason):
    good = {"stages": 2, "depth": [1, 2], "mixer": ["pool"] * 2, "heads": [1, 2, 4], "bits": [[4, 8], [8, 8]]}
    assert STAGED.why_not(good) == []
    assert reason in STAGED.why_not({**good, **changed})


@pytest.mark.parametrize(
    ("genes", "words"),
    [
        ((), "at least one gene"),
        ((Gene("a", (1, 2)), Gene("a", (3, 4))), "Two genes have the name 'a'"),
        ((Gene("heads", (1, 2), along="depht"), Gene("depth", (1, 2))), "Did you mean 'depth'"),
        ((Gene("depth", ((1, 2), (2, 2))), Gene("heads", (1, 2), along="depth")), r"Total\('depth'\)"),
        ((Gene("depth", (1, 2), along=2), Gene("heads", (1, 2), along="depth")), r"Length\('depth'\)"),
        ((Gene("depth", (1.5, 2)), Gene("heads", (1, 2), along="depth")), "does not have whole numbers"),
    ],
)
def test_layouts_that_say_nothing_are_refused(genes, words):
    with pytest.raises(SpecError, match=words):
        Layout(genes)


@pytest.mark.parametrize("axis", [Total("width"), lambda _: -1, lambda _: "two", lambda _: 1 // 0])
def test_an_axis_that_gives_no_number_is_one_line(axis):
    layout = Layout((Gene("heads", (1, 2), along=axis), Gene("width", (1, 2), along=1)))
    with pytest.raises(SpecError, match="The axis of the gene 'heads'"):
        layout.sample(np.random.default_rng(0))


@given(seed=st.integers(0, 2**32 - 1))
def test_variation_keeps_to_what_goes_together(seed):
    rng = np.random.default_rng(seed)
    first, second = PICKY.sample(rng), PICKY.sample(rng)
    for genes in (first, PICKY.mutate(first, rng), PICKY.crossover(first, second, rng), *PICKY.neighbours(first)):
        assert sum(genes["width"]) % 2 == 0
    assert PICKY.why_not({"depth": 1, "width": [3]}) == [
        "The combination of genes is not allowed: the widths add up to an odd number."
    ]


def test_draws_of_a_predicate_are_uniform_among_what_it_allows():
    rng = np.random.default_rng(0)
    layout = Layout((Gene("a", (0, 1, 2)), Gene("b", (0, 1, 2))), valid=lambda genes: genes["a"] != genes["b"])
    drawn = [tuple(layout.sample(rng).values()) for _ in range(3000)]
    counts = np.array([drawn.count((a, b)) for a in range(3) for b in range(3)]).reshape(3, 3)
    assert (counts.diagonal() == 0).all()
    # Three and a half standard deviations of a binomial count around 500.
    off = counts[~np.eye(3, dtype=bool)]
    assert (np.abs(off - 500) < 3.5 * np.sqrt(3000 * (1 / 6) * (5 / 6))).all()


def test_a_predicate_that_allows_nothing_ends():
    with pytest.raises(SpecError, match="None of 10,000 draws of the genes a was valid"):
        Layout((Gene("a", (1, 2)),), valid=lambda _: False).sample(np.random.default_rng(0))


def test_where_nothing_else_is_allowed_a_mutant_is_its_parent():
    rng = np.random.default_rng(0)
    alone = Layout((Gene("a", (1, 2, 3)),), valid=lambda genes: genes["a"] == 2)
    assert alone.mutate({"a": 2}, rng) == {"a": 2}
    assert Layout((Gene("a", (7,)),)).mutate({"a": 7}, rng) == {"a": 7}

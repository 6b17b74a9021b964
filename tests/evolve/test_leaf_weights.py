"""Leaves drawn by the weight of their kind: the declared shares, for any number of leaves."""

from collections import Counter

import numpy as np
import pytest
from deap import gp
from hypothesis import given, settings
from hypothesis import strategies as st

from autoprox.base.errors import SpecError
from autoprox.evolve.grammar import Grammar, drawn_statistics, leaf_group, proxy_grammar
from autoprox.evolve.leaves import first_bank, grown
from autoprox.evolve.plan import EvolutionPlan, Stop
from autoprox.evolve.strategies import STRATEGIES
from autoprox.evolve.variation import generate
from autoprox.graph import Expression, Level, parse
from autoprox.inspect.nodes import Site
from autoprox.statistics import STATISTICS, StatisticKind
from tests.evolve.test_engine import hall
from tests.evolve.world import search

EQUAL = {StatisticKind.COUNT: 1.0, StatisticKind.TENSOR: 1.0}


def chances(grammar: Grammar) -> dict[Expression, float]:
    """Probability of each leaf below an aggregator, which is chosen first and determines the site."""
    found: Counter[Expression] = Counter()
    aggregators = grammar.primitives(grammar.pset.ret, 1)  # all others are higher
    for primitive, weight in zip(aggregators.items, np.diff(aggregators.cumulated, prepend=0), strict=True):
        (node,) = set(primitive.args)
        terminals = grammar.terminals(node)
        for item, own in zip(terminals.items, np.diff(terminals.cumulated, prepend=0), strict=True):
            found[grammar.expression([item])] += weight * own / terminals.cumulated[-1]
    return {leaf: weight / found.total() for leaf, weight in found.items()}


@settings(max_examples=20, deadline=None)
@given(count=st.floats(0.01, 100), tensor=st.floats(0.01, 100), more=st.integers(0, 40))
def test_each_kind_has_its_share(count: float, tensor: float, more: int) -> None:
    """The shares also hold for a bank that has grown by leaves of one kind alone."""
    grammar = proxy_grammar(first_bank(), {StatisticKind.COUNT: count, StatisticKind.TENSOR: tensor})
    for leaf in grown(first_bank(), (), more, np.random.default_rng(0)):
        grammar.add_terminal(leaf)
    of_leaf = chances(grammar)
    counts = sum(
        chance for leaf, chance in of_leaf.items() if STATISTICS[leaf.statistics[0]].kind is StatisticKind.COUNT
    )
    assert counts == pytest.approx(count / (count + tensor))
    # Within a kind, sites as often as they have statistics; within both, leaves alike.
    statistics = Counter((each.site, each.kind) for each in drawn_statistics())
    of_kind = Counter(each.kind for each in drawn_statistics())
    leaves = Counter(map(leaf_group, of_leaf))
    weights = {StatisticKind.COUNT: count, StatisticKind.TENSOR: tensor}
    for leaf, chance in of_leaf.items():
        site, kind = leaf_group(leaf)
        share = weights[kind] / (count + tensor) * statistics[site, kind] / of_kind[kind]
        assert chance == pytest.approx(share / leaves[site, kind])


def test_without_weights_leaves_of_a_site_are_drawn_alike() -> None:
    grammar = proxy_grammar(first_bank())
    of_leaf = chances(grammar)
    leaves = Counter(leaf.kind.site for leaf in of_leaf)
    statistics = Counter(each.site for each in drawn_statistics())
    for leaf, chance in of_leaf.items():
        site = leaf.kind.site
        assert chance == pytest.approx(statistics[site] / statistics.total() / leaves[site])


def test_half_of_what_is_drawn_are_counts() -> None:
    grammar, rng = proxy_grammar(first_bank(), EQUAL), np.random.default_rng(0)
    kinds: Counter[StatisticKind] = Counter()
    for _ in range(3000):
        tree = generate(grammar, grammar.pset.ret, 4, rng)
        drawn = [grammar.expression([item]) for item in tree if isinstance(item, gp.Terminal)]
        assert all(leaf.kind.level is Level.NODE for leaf in drawn)
        kinds.update(leaf_group(leaf)[1] for leaf in drawn)
    assert kinds[StatisticKind.COUNT] / kinds.total() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_run_with_weights_goes_on_as_the_run_at_once(name, tmp_path) -> None:
    plan = EvolutionPlan(seed=3, strategy=name, islands=2, leaf_weights=EQUAL)
    whole = search(plan, Stop(150), tmp_path / "whole.sqlite").outcome
    search(plan, Stop(60), tmp_path / "parts.sqlite")
    assert hall(search(plan, Stop(150), tmp_path / "parts.sqlite").outcome) == hall(whole)
    assert hall(
        search(EvolutionPlan(seed=3, strategy=name, leaf_weights=None), Stop(150), tmp_path / "plain.sqlite").outcome
    ) != hall(whole)


@pytest.mark.parametrize(
    "wrong",
    [{}, {StatisticKind.COUNT: 1.0}, EQUAL | {"bits": 1.0}, EQUAL | {"count": 0.0}, EQUAL | {"tensor": float("nan")}],
)
def test_weights_that_are_none_are_refused(wrong) -> None:
    with pytest.raises(SpecError, match="tensor, count"):
        EvolutionPlan(leaf_weights=wrong)


def test_weights_stand_in_the_definition() -> None:
    assert EvolutionPlan(leaf_weights=None).to_document()["leaf_weights"] is None
    assert EvolutionPlan(leaf_weights={"tensor": 1, "count": 3}).to_document()["leaf_weights"]["count"] == 3.0
    assert EvolutionPlan().to_document()["leaf_weights"] == {"count": 1.0, "tensor": 1.0}


def test_counts_of_a_space_are_drawn_like_all_other_counts_of_their_site() -> None:
    own = [parse("bits"), parse("quantisation_error")]
    of_leaf = chances(proxy_grammar([*first_bank(), *own], EQUAL))
    counts = Counter(each.site for each in drawn_statistics() if each.kind is StatisticKind.COUNT)
    linear = counts[Site.LINEAR] + len(own)
    share = 0.5 * linear / (counts.total() + len(own))
    for leaf in [*own, parse("params")]:
        assert of_leaf[leaf] == pytest.approx(share / linear)

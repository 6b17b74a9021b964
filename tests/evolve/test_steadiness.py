"""Scores dominated by rounding: known cases on real networks, and laws of the measure itself."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoprox.bench.problem import statistics_of
from autoprox.bench.table import Table
from autoprox.evolve._steadiness import LARGEST_MOVE, SAMPLE, Disturbed, steady
from autoprox.evolve._steadiness import _spread as spread
from autoprox.evolve._steadiness import _stand as stand
from autoprox.graph import LeafTable, Leaves, collect_leaves, parse
from autoprox.inspect import Role, Site
from autoprox.networks.network import Network
from autoprox.spaces import load_space
from autoprox.spaces.task import noise_task

STEADY = (
    "nodes_sum(l1(mul(weight,weight_grad)))",
    "nodes_mean(norm_width)",
    "nodes_sum(params)",
    "nodes_max(fan_in)",
    "nodes_norm(entropy(attention))",
    "nodes_sum(l1(synflow_weight_grad))",
)
ROUNDING = {
    "the logarithm of a sum that cancels": "nodes_min(logabs(sum(mul(weight_grad,synflow_weight_grad))))",
    "a sum that cancels, without images": "nodes_min(logabs(sum(synflow_weight_grad)))",
    "a function that saturates": "sigmoid(nodes_mean(norm_width))",
    "a difference of what is equal": "sub(nodes_sum(l1(weight)),nodes_sum(l1(neg(weight))))",
}


@pytest.fixture(scope="module")
def answers() -> dict[str, bool]:
    table = Table.read()
    chosen = [arch for arch in table.archs.values() if arch.space == "pit-micro"][:10]
    networks = [Network(table.spaces["pit-micro"], arch, table.task("digits", "pit-micro")) for arch in chosen]
    texts = [*STEADY, *ROUNDING.values()]
    graphs = [parse(text) for text in texts]
    cache = statistics_of(table)

    def collect(wanted, leaves):
        return collect_leaves(wanted, leaves, cache)

    leaves = list(dict.fromkeys(leaf for graph in graphs for leaf in graph.node_leaves))
    found = steady(graphs, networks, LeafTable(collect(networks, leaves)), collect)
    return dict(zip(texts, found.tolist(), strict=True))


@pytest.mark.parametrize("text", STEADY)
def test_what_is_well_conditioned_stands(text, answers):
    assert answers[text]


@pytest.mark.parametrize("why", ROUNDING)
def test_what_is_made_of_rounding_does_not(why, answers):
    assert not answers[ROUNDING[why]]


@given(seed=st.integers(0, 2**32), power=st.integers(-8, 8), sign=st.sampled_from([-1.0, 1.0]))
@settings(max_examples=50)
def test_the_unit_of_a_score_does_not_matter(seed, power, sign):
    """Powers of two scale without rounding."""
    rng = np.random.default_rng(seed)
    exact = rng.normal(size=(3, 9)) ** 3
    moved = exact + LARGEST_MOVE * rng.normal(size=exact.shape)
    factor = sign * 2.0**power
    assert (stand(factor * exact, factor * moved) == stand(exact, moved)).all()


@given(seed=st.integers(0, 2**32), share=st.floats(0.1, 10))
@settings(max_examples=50)
def test_a_move_is_measured_by_the_spread(seed, share):
    """One score near the middle, changed by a share of the allowed change."""
    rng = np.random.default_rng(seed)
    exact = np.sort(rng.normal(size=(1, 9)))
    low, high = np.percentile(exact, (25, 75))
    moved = exact.copy()
    moved[0, 4] += share * LARGEST_MOVE * (high - low)
    if abs(share - 1) > 1e-6:
        assert stand(exact, moved)[0].tolist() == [True] * 4 + [share < 1] + [True] * 4


def test_what_is_undefined_does_not_stand():
    exact = np.array([[1.0, 2.0, 4.0], [1.0, 2.0, np.nan]])
    assert stand(exact, exact).tolist() == [[True] * 3, [False] * 3]
    assert not stand(exact, np.where(exact == 4, np.inf, exact))[0, 2]
    assert not stand(np.array([[1.0, 2.0, 3.0, np.inf]]), np.array([[1.0, 2.0, 3.0, np.inf]])).any()


def test_ties_may_be_moved_by_their_spread():
    """More than half of the scores are equal: the standard deviation replaces the quartiles."""
    exact = np.array([[1.0] * 7 + [3.0]])
    assert stand(exact, exact + 1e-6).all()


@pytest.mark.parametrize("count", [1, 2, SAMPLE, 65])
def test_spread(count):
    places = spread(count)
    assert len(places) == min(count, SAMPLE)
    assert places[0] == 0
    assert places[-1] == count - 1


@pytest.mark.parametrize(("move", "plain", "rounding"), [(0.005, True, True), (0.05, False, True), (0.2, False, False)])
def test_networks_that_round_may_move_by_more(move, plain, rounding):
    """The values of perturbed networks are the unperturbed values, all changed by a share of their spread."""
    graph, space = parse("nodes_sum(params)"), load_space("pit-micro")
    archs = [space.sample(np.random.default_rng(seed)) for seed in range(9)]
    assert load_space("mq-pit-digits").unsteadiness == 0.1
    assert load_space("lr-pit-digits").unsteadiness == space.unsteadiness == 0.01

    def collect(networks, wanted):
        moved = any(isinstance(each, Disturbed) for each in networks)
        values = [float(archs.index(each.arch)) + moved * 4 * move for each in networks]
        return [Leaves({Site.LINEAR: (Role.MLP,)}, {wanted[0].digest: np.array([value])}) for value in values]

    for unsteadiness, expected in ((0.01, plain), (0.1, rounding)):
        owner = replace(space, unsteadiness=unsteadiness)
        networks = [Network(owner, arch, noise_task("noise", 10, 8, 1)) for arch in archs]
        leaves = LeafTable(collect(networks, list(graph.node_leaves)))
        assert steady([graph], networks, leaves, collect).tolist() == [expected]

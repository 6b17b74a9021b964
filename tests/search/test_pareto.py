"""The front of score against costs, against plain loops; the evolution towards it; and its figure."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoprox.base.errors import SpecError
from autoprox.search import Constraints, CostFront, Evolution, Latency, ParetoEvolution, Region, run
from autoprox.search._pareto import nondominated
from autoprox.search.methods import History, Measured
from autoprox.search.pareto_figure import draw_front, write_front
from autoprox.search.search_figure import draw
from autoprox.spaces.costs import MACS, PARAMS
from tests.search.worlds import MICRO, TASK, TINY, roughness

BOTH = (PARAMS, MACS)


@pytest.fixture(scope="module")
def whole():
    """Exhaustive search of the smallest space."""
    return run(roughness, TINY, rng=np.random.default_rng(0), task=TASK, method="exhaustive")


def beats(first, second):
    return all(a <= b for a, b in zip(first, second, strict=True)) and tuple(first) != tuple(second)


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=25))
def test_what_is_kept_is_what_no_point_beats(points):
    kept = nondominated(np.array(points, dtype=float).reshape(len(points), 3))
    for place, point in enumerate(points):
        unbeaten = not any(beats(other, point) for other in points)
        assert kept[place] == (unbeaten and point not in points[:place])


def test_a_front_holds_all_candidates_that_none_beats_and_rises_with_one_cost(whole):
    front = CostFront.of(whole, [PARAMS])
    values = {(-each.shown_score, each.params) for each in whole.candidates}
    expected = {value for value in values if not any(beats(other, value) for other in values)}
    assert {(-each.shown_score, each.params) for each in front.points} == expected
    assert len(front.points) == len(expected)
    scores, sizes = ([getattr(each, name) for each in front.points] for name in ("score", "params"))
    assert scores == sorted(scores)
    assert sizes == sorted(sizes)
    assert front.points[-1].score == whole.pick.score == max(each.score for each in front.three)
    assert all(each in front.points for each in front.three)


def test_evolution_towards_the_front_covers_more_of_it_than_towards_the_best_where_size_is_good():
    region = Region(TINY, TASK, Constraints())
    sizes = {arch: region.cost(PARAMS, arch) for arch in region}

    def worth(arch):
        heads, ratios = arch.genes["num_heads"], arch.genes["mlp_ratio"]
        return float(np.log(sizes[arch]) + 0.3 * np.sin(7 * sum(ratios)) + 0.2 * np.mean(heads))

    def covered(method, seed):
        """Mean over all sizes of the best value found up to that size."""
        history = History(lambda values: values[0])
        for batch in method.proposals(region, history, np.random.default_rng(seed)):
            for arch in batch:
                history.add(arch, Measured((worth(arch),), ""))
            if len(history) >= 80:
                break
        found = history.archs[:80]
        return np.mean(
            [max((worth(arch) for arch in found if sizes[arch] <= size), default=0.0) for size in set(sizes.values())]
        )

    front, best = (
        np.mean([covered(method, seed) for seed in range(10)])
        for method in (ParetoEvolution((PARAMS,), 20, 5, 4), Evolution(20, 5, 4))
    )
    assert front > best


def test_a_search_towards_a_front_keeps_its_bounds_and_goes_on_to_the_same_end(tmp_path, whole):
    bounds = Constraints(min_params=20_000, max_params=30_000)
    region = Region(TINY, TASK, Constraints())
    assert region.size == len(whole.candidates)

    def found(journal, budget):
        method = ParetoEvolution(BOTH, 10, 3, 4)
        rng = np.random.default_rng(1)
        return run(
            roughness, "autoformer-micro", bounds, rng, task=MICRO, method=method, budget=budget, journal=journal
        )

    direct = found(None, 40)
    assert all(20_000 <= each.params <= 30_000 for each in direct.candidates)
    found(tmp_path / "journal.sqlite", 15)
    assert found(tmp_path / "journal.sqlite", 40).frame().equals(direct.frame())


def test_bounds_of_a_point_are_those_of_the_search_and_its_own_costs(whole):
    front = CostFront.of(whole, BOTH)
    point = front.points[len(front.points) // 2]
    bounds = front.bounds_of(point, Constraints(min_params=10, max_params=10**9))
    assert bounds.to_document() == {"min_params": 10, "max_params": point.params, "max_macs": point.macs}


def test_the_figure_marks_the_points_in_a_panel_for_each_cost_and_is_the_same_each_time(tmp_path, whole):
    front = CostFront.of(whole, BOTH)
    panels = draw_front(whole, front).axes
    assert [axes.get_xlabel() for axes in panels] == ["parameters", "multiply-accumulates"]
    for axes, name in zip(panels, ("params", "macs"), strict=True):
        marked = axes.collections[1].get_offsets().tolist()
        assert marked == [[getattr(each, name), each.score] for each in front.points]
    for name in ("a.svg", "b.svg"):
        write_front(whole, front, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_front_without_costs_is_refused(whole):
    with pytest.raises(SpecError, match="at least one cost"):
        CostFront.of(whole, [])
    with pytest.raises(SpecError, match="at least one cost"):
        ParetoEvolution(())
    with pytest.raises(SpecError, match="did not record the cost 'latency'"):
        CostFront.of(whole, [Latency()])


def test_the_axis_of_ranks_says_which_rank_a_score_has(whole):
    figure = draw(whole, whole.top(3))
    (right,) = figure.axes[0].child_axes
    ranked = sorted((each.score for each in whole.scored), reverse=True)
    ticks = dict(zip((text.get_text() for text in right.get_yticklabels()), right.get_yticks(), strict=True))
    assert "1" in ticks
    for rank, score in ticks.items():
        assert score == pytest.approx(ranked[int(rank.replace(",", "")) - 1])
    assert "rank" in right.get_ylabel()
    assert {text.get_text() for text in figure.axes[0].texts} == {"1", "2", "3"}

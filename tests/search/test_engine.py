"""The search: its results, its bounds, and resuming with the results of an uninterrupted search."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn

import autoprox
from autoprox.base.errors import CollectionError, RegistryError, SpecError, StoreMismatchError
from autoprox.search import METHODS, Annealing, Constraints, Evolution, Region, run
from autoprox.search.methods._evolution import FIRST_BATCH
from autoprox.search.search_figure import svg_writer
from autoprox.spaces import space
from tests.search.worlds import MICRO, roughness

SPACE = "autoformer-micro"
BAND = Constraints(max_params=3000)


def searched(scorer=roughness, bounds=BAND, seed=0, **options):
    return run(scorer, SPACE, bounds, np.random.default_rng(seed), **{"task": MICRO, "budget": 40} | options)


def course(result):
    """All contents of a result, comparable."""
    return [(each.arch, None if math.isnan(each.score) else each.score, each.params) for each in result.candidates]


@pytest.fixture(scope="module")
def everything():
    return searched(method="exhaustive", budget=None)


def test_exhaustive_scores_everything_once(everything):
    region = Region(space(SPACE), MICRO, BAND)
    assert {each.arch for each in everything.candidates} == set(region)
    assert len(everything.candidates) == everything.allowed == region.size == 292
    scores = [each.score for each in everything.candidates]
    assert scores == sorted(scores, reverse=True)
    arch = everything.pick.arch
    model = space(SPACE).build(arch, MICRO.num_classes, MICRO.img_size, MICRO.in_chans)
    assert everything.pick.score == roughness(model, None, None)


def test_evolution_finds_the_optimum_without_scoring_everything(everything):
    for seed in range(2):
        found = searched(budget=150, method=Evolution(20, 5, 4), seed=seed)
        assert len(found.candidates) == 150
        assert found.pick.score == everything.pick.score


def test_a_population_beyond_the_budget_draws_no_more_than_a_batch(monkeypatch):
    """Earlier the whole population, here the whole space, was drawn before the first candidate was scored."""
    drawn = []
    plain = Region.draw
    monkeypatch.setattr(Region, "draw", lambda region, rng: drawn.append(1) or plain(region, rng))
    found = searched(bounds=Constraints(), method=Evolution(population=100_000), budget=5)
    assert len(found.candidates) == 5
    assert len(drawn) < 2 * FIRST_BATCH


def test_names_of_users_begin_no_formula_in_a_figure(tmp_path):
    named = replace(searched(budget=5), scorer=r"$\frac{x$ of_a^b", space="$y")
    svg_writer(named, 2)(tmp_path / "figure.svg")
    text = (tmp_path / "figure.svg").read_text()
    assert r"score of $\frac{x$ of_a^b" in text
    svg_writer(named, 2)(tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == text


def test_evolution_beats_random_draws():
    """On a band; both see only a small part of it."""
    wide = Constraints(max_params=60_000)

    def best(method):
        found = [searched(_smooth, wide, seed, method=method, budget=150) for seed in (0, 1)]
        return np.mean([each.pick.score for each in found])

    assert best(Evolution(20, 5, 4)) > best("random")


def _smooth(model, _images, _labels):
    ratios = [each.out_features / each.in_features for each in model.modules() if isinstance(each, nn.Linear)]
    return -sum(abs(ratio - 2.0) for ratio in ratios) + 3 * len(ratios)


@pytest.mark.parametrize("method", list(METHODS))
def test_where_the_budget_covers_all_the_optimum_is_found(method, everything):
    assert course(searched(method=method, budget=400)) == course(everything)


@given(st.integers(2000, 60_000), st.integers(0, 40), st.sampled_from([Evolution(8, 3, 4), Annealing(2, 8), "random"]))
@settings(max_examples=12)
def test_everything_that_is_scored_is_allowed(low, percent, method):
    bounds = Constraints(min_params=low, max_params=low + low * percent // 100 + 200, max_macs=3_000_000)
    seen = []

    def scorer(model, _images, _labels):
        seen.append(sum(each.numel() for each in model.parameters()))
        return float(seen[-1] % 97)

    found = searched(scorer, bounds, method=method, budget=24)
    assert len(seen) == len({each.arch for each in found.candidates}) == min(24, found.allowed)
    assert all(low <= count <= low + low * percent // 100 + 200 for count in seen)
    assert sorted(each.params for each in found.candidates) == sorted(seen)
    assert all(each.macs <= 3_000_000 for each in found.candidates)


def test_jobs_change_nothing():
    one, two = (searched(autoprox.load("snip"), jobs=jobs, budget=30, method=Evolution(10, 3, 4)) for jobs in (1, 2))
    assert course(one) == course(two)


@pytest.mark.parametrize("method", [Evolution(20, 5, 8), Annealing(), "random", "exhaustive"])
def test_an_interrupted_search_goes_on_to_the_same_end(method, tmp_path):
    options = {"method": method, "budget": 292 if method == "exhaustive" else 60}
    whole = searched(**options)
    calls = []

    def counted(model, images, labels):
        calls.append(model)
        return roughness(model, images, labels)

    counted.identity = "roughness"

    def stopping(candidates, _total, _done):
        for number, arch in enumerate(candidates, start=1):
            yield arch
            if number == 33:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searched(counted, journal=tmp_path / "j.sqlite", progress=stopping, **options)
    assert course(searched(counted, journal=tmp_path / "j.sqlite", **options)) == course(whole)
    assert len(calls) == len(whole.candidates)  # nothing twice
    longer = options | {"budget": options["budget"] + 10}
    if method != "exhaustive":
        assert course(searched(counted, journal=tmp_path / "j.sqlite", **longer)) == course(searched(**longer))
        assert len(calls) == len(whole.candidates) + 10


def test_a_journal_belongs_to_its_search(tmp_path):
    journal = tmp_path / "j.sqlite"
    searched(budget=5, journal=journal)
    for other, word in [
        ({"seed": 1}, "seed"),
        ({"bounds": Constraints(max_params=3100)}, "constraints"),
        ({"method": "random"}, "method"),
        ({"scorer": autoprox.load("snip")}, "scorer"),
        ({"init_seeds": 2}, "init seeds"),
    ]:
        with pytest.raises(StoreMismatchError, match=f"another {word}"):
            searched(**{"budget": 5, "journal": journal} | other)
    Path(journal).write_bytes(b"no database at all, whatever it is called" * 100)
    with pytest.raises(StoreMismatchError, match="delete it"):
        searched(budget=5, journal=journal)


def test_an_object_of_ones_own():
    class Mine:
        def score(self, model, images, labels):
            assert images.shape == (32, 1, 8, 8)
            assert labels.shape == (32,)
            assert not model.training
            return model(images).mean()  # a tensor with one value is accepted

    found = searched(Mine(), budget=3)
    assert found.scorer == "Mine"
    assert np.isfinite([each.score for each in found.candidates]).all()


@pytest.mark.parametrize("scorer", [3, "snip", None, dict])
def test_what_scores_nothing_is_refused(scorer):
    with pytest.raises(SpecError, match="score\\(model, images, labels\\)"):
        searched(scorer)


def test_scores_are_means_over_initialisations():
    scorer = autoprox.load("grad_norm")
    found = searched(scorer, budget=3, init_seeds=2)
    for each in found.candidates:
        models = [space(SPACE).build(each.arch, 10, 8, 1, seed=seed) for seed in range(2)]
        expected = np.mean([scorer.score(model, MICRO.images, MICRO.labels) for model in models])
        assert each.score == pytest.approx(expected, rel=1e-12)


def test_a_scorer_that_ranks_ranks_all_candidates():
    members = [autoprox.load("snip"), autoprox.load("params")]
    found = searched(autoprox.ensemble(members), budget=12)
    models = [space(SPACE).build(each.arch, 10, 8, 1, seed=0) for each in found.candidates]
    scores = np.array([[each.score(model, MICRO.images, MICRO.labels) for model in models] for each in members])
    expected = (stats.rankdata(scores, axis=1) / 12).mean(axis=0)
    assert [each.score for each in found.candidates] == pytest.approx(expected)


def test_what_has_no_score_comes_last():
    def partly(model, _images, _labels):
        return math.nan if len(model.blocks) % 2 else float(model.pos_embed.shape[-1])

    found = searched(partly, budget=30)
    finite = [math.isfinite(each.score) for each in found.candidates]
    assert finite == sorted(finite, reverse=True)
    assert 0 < len(found.scored) < 30
    assert found.to_document(50)["without_score"] == 30 - len(found.scored)
    assert all(each.arch.genes["depth"] == 2 for pick in found.top(50) for each in pick.candidates)


def test_what_can_score_nothing_stops_at_once():
    def refusing(_model, _images, _labels):
        raise CollectionError("Not on a day like this.")

    with pytest.raises(CollectionError, match="like this"):
        searched(refusing, budget=200, method=Evolution(8, 4, 4))


def test_what_the_scorer_cannot_tell_apart_is_one_pick():
    def depth(model, _images, _labels):
        return len(model.blocks) * (1 + 1e-12 * sum(each.numel() for each in model.parameters()))

    found = searched(depth, budget=None, method="exhaustive")
    depths = [{each.arch.genes["depth"] for each in pick.candidates} for pick in found.ranked]
    assert depths == [{3}, {2}, {1}]
    assert sum(len(pick.candidates) for pick in found.ranked) == len(found.candidates)
    for pick in found.ranked:
        assert pick.best.params == min(each.params for each in pick.candidates)
    document = found.to_document(5)
    assert [pick["rank"] for pick in document["picks"]] == [1, 2, 3]
    assert [pick["ties"] + 1 for pick in document["picks"]] == [len(pick.candidates) for pick in found.ranked]
    assert list(found.frame()["rank"].unique()) == [1, 2, 3]


def test_a_document_can_be_fed_back():
    found, micro = searched(budget=12), space(SPACE)
    for pick in found.to_document(12)["picks"]:
        for each in (pick, *pick["tied_with"]):
            assert micro.arch(each["arch"]).arch_id == each["arch_id"]
            assert micro.counts(each["arch"], *MICRO.shape).params == each["params"]
            assert roughness(micro.build(each["arch"], *MICRO.shape), None, None) == each["score"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"budget": 0}, "budget"),
        ({"jobs": 0}, "jobs"),
        ({"init_seeds": 0}, "init_seeds"),
        ({"method": "evolutoin"}, "annealing, evolution, exhaustive, random"),
        ({"method": "exhaustive", "budget": 291}, "292"),
    ],
)
def test_arguments_out_of_range(options, word):
    with pytest.raises((RegistryError, SpecError), match=word):
        searched(**options)


@pytest.mark.parametrize("given", [{"population": 0}, {"population": 5, "tournament": 6}])
def test_settings_out_of_range(given):
    with pytest.raises(SpecError, match="population"):
        Evolution(**given)

"""Scores of many networks: those of live models, from the cache the second time, safe against a break."""

import numpy as np
import pytest

import autoprox
from autoprox.base.errors import CollectionError
from autoprox.graph.scorer import Requirements
from autoprox.networks import Fresh, Network
from autoprox.scorers import FunctionProxy, score_networks, zoo_graphs
from autoprox.spaces.task import noise_task
from autoprox.statistics import StatisticsCache

NAMES = ("snip", "depth", "az_nas", "l2_norm", "jacov", "az_trainability")


@pytest.fixture(scope="module")
def networks():
    rng = np.random.default_rng(0)
    task, other = noise_task("noise", 4, 8, 1), noise_task("noise", 5, 8, 1)
    found = []
    for name in ("autoformer-micro", "pit-micro"):
        owner = autoprox.space(name)
        archs = sorted((owner.sample(rng) for _ in range(12)), key=owner.backbone_params)[:2]
        found += [Network(owner, arch, task, Fresh(seed)) for arch in archs for seed in (0, 1)]
    return [*found, Network(owner, archs[0], other)]


@pytest.fixture
def cache(tmp_path):
    return StatisticsCache(tmp_path / "cache.sqlite")


def live(scorer, networks):
    return scorer.score_many([each.build() for each in networks], networks[0].task.images, networks[0].task.labels)


def test_scores_are_those_of_live_models(networks, cache):
    scorers = [autoprox.load(name) for name in NAMES]
    found = score_networks(scorers, networks, cache)
    assert not found.refusals
    assert found.values.shape == (len(NAMES), 9)
    for scorer, row in zip(scorers, found.required(), strict=True):
        # Ranks are those within a space, a task and an initialisation.
        for group in ([0, 2], [1, 3], [4, 6], [5, 7], [8]):
            assert row[group] == pytest.approx(live(scorer, [networks[at] for at in group]), rel=1e-6)


def test_jobs_and_the_cache_change_nothing(networks, cache, tmp_path, monkeypatch):
    networks, scorers = networks[:4], [autoprox.load(name) for name in ("snip", "depth", "jacov")]
    one = score_networks(scorers, networks, cache).values
    two = score_networks(scorers, networks, StatisticsCache(tmp_path / "other.sqlite"), jobs=2).values
    assert np.array_equal(one, two)

    def fails(_network):
        raise AssertionError("a network was built though all of it was stored")

    monkeypatch.setattr(Network, "build", fails)
    assert np.array_equal(score_networks(scorers, networks, cache).values, one)


def test_what_was_finished_before_a_break_is_kept(networks, cache):
    computed = []

    def breaks(scores, total):
        assert total == len(networks) - len(computed)
        for each in scores:
            yield each
            computed.append(each)
            if len(computed) == 3:
                raise KeyboardInterrupt

    counting = FunctionProxy("counting", lambda subject: subject.images.shape[0], 1, "Here.", Requirements())
    with pytest.raises(KeyboardInterrupt):
        score_networks([counting], networks, cache, progress=breaks)
    assert (score_networks([counting], networks, cache, progress=breaks).values == 32).all()
    assert len(computed) == len(networks)


def test_a_new_version_is_computed_anew(networks, cache):
    def proxy(value, version):
        return FunctionProxy("versioned", lambda _subject: value, 1, "Here.", Requirements(), version)

    assert (score_networks([proxy(1.0, 1)], networks[:1], cache).values == 1).all()
    assert (score_networks([proxy(2.0, 1)], networks[:1], cache).values == 1).all()
    assert (score_networks([proxy(2.0, 2)], networks[:1], cache).values == 2).all()


def test_a_refusal_has_a_reason_and_hides_no_other_score(networks, cache):
    def picky(subject):
        if subject.model.__class__.__name__ == "PiTModel":
            raise CollectionError("it does not like PiT.")
        return 1.0

    odd = FunctionProxy("odd", picky, -1, "Here.", Requirements())
    undefined = FunctionProxy("undefined", lambda _subject: float("inf"), 1, "Here.", Requirements())
    found = score_networks([odd, autoprox.load("depth"), undefined], networks[2:6], cache)
    assert found.refusals == {"odd": "The proxy 'odd': it does not like PiT."}
    assert found.values[0] == pytest.approx([-1, -1, np.nan, np.nan], nan_ok=True)
    assert np.isfinite(found.values[1]).all()
    assert np.isnan(found.values[2]).all()
    with pytest.raises(CollectionError, match="does not like PiT"):
        found.required()


def test_nothing_to_score(networks, cache):
    assert score_networks([], networks, cache).values.shape == (0, 9)


def test_zoo_graphs_are_the_graphs():
    names = [proxy.name for proxy in zoo_graphs()]
    assert {"snip", "synflow", "grasp", "zico", "autoprox-a"} <= set(names)
    assert "jacov" not in names

"""Scores of many networks: equal to those of live models, cached, and safe against interruption."""

import numpy as np
import pytest

import autoprox
from autoprox.base.errors import CollectionError
from autoprox.networks import Fresh, Network
from autoprox.scorers import FunctionProxy, score_networks, zoo_graphs
from autoprox.spaces.task import noise_task
from autoprox.statistics import Requirements, StatisticsCache

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
        # Ranks are taken within a space, a task and an initialisation.
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


def constant(value):
    return lambda _subject: value


def named(function, version=1, sign=1):
    return FunctionProxy("mine", function, sign, "Here.", Requirements(), version)


def test_a_function_is_known_by_what_it_computes_not_by_its_name(networks, cache):
    """The same name with other constants, another body, another version, another sign."""
    ones = [
        (named(constant(1.0)), 1),
        (named(constant(2.0)), 2),
        (named(lambda subject: len(subject.images) / 32 + 2), 3),
        (named(lambda subject: len(subject.images) / 16 + 2), 4),
        (named(constant(2.0), sign=-1), -2),
    ]
    for _ in range(2):  # the second time from the cache
        for proxy, value in ones:
            assert (score_networks([proxy], networks[:1], cache).values == value).all()
    assert len({proxy.identity for proxy, _ in [*ones, (named(constant(1.0), version=2), 1)]}) == 6
    assert named(constant(1.0)).identity == named(constant(1.0)).identity


def test_an_ensemble_made_again_under_its_name_is_another(networks, cache):
    """An ensemble with members of reversed order."""

    def size(subject):
        return sum(each.numel() for each in subject.model.parameters())

    up, down = (named(size, sign=sign) for sign in (1, -1))
    chosen = [networks[0], networks[2]]
    first, second = (
        score_networks([autoprox.ensemble([each], "mine")], chosen, cache).values[0].tolist() for each in (up, down)
    )
    assert sorted(first) == [0.5, 1.0]
    assert second == first[::-1]
    assert autoprox.ensemble([up], "mine").identity != autoprox.ensemble([down], "mine").identity


class Stateful:
    """A scorer without a digest of its code."""

    def __init__(self):
        self.calls = 0

    def __call__(self, _subject):
        self.calls += 1
        return float(self.calls)


def test_what_has_no_content_is_not_kept(networks, cache):
    proxy = named(Stateful())
    assert proxy.identity is None
    assert autoprox.ensemble([autoprox.load("snip"), proxy]).identity is None
    assert score_networks([proxy], networks[:2], cache).values.tolist() == [[1.0, 2.0]]
    assert score_networks([proxy], networks[:2], cache).values.tolist() == [[3.0, 4.0]]


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

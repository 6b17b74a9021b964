"""Ensembles against ranks computed by SciPy."""

import json

import numpy as np
import pytest
from scipy import stats

import autoprox
from autoprox.base.errors import SpecError, StoreMismatchError, UndefinedScoreError
from autoprox.bench.table import Table
from autoprox.graph import Proxy, parse
from autoprox.networks.network import Network
from autoprox.scorers import HALL_MEMBERS, score_networks
from autoprox.statistics import StatisticsCache

NAMES = ("snip", "l2_norm", "grad_norm")


@pytest.fixture(scope="module")
def models():
    micro = autoprox.space("pit-micro")
    rng = np.random.default_rng(0)
    return [micro.build(micro.sample(rng), 10, 8, 1, seed=0) for _ in range(5)]


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(1)
    return rng.normal(size=(6, 1, 8, 8)).astype("float32"), np.arange(6) % 10


class Picky:
    """Scores everything but one model."""

    name = "picky"

    def __init__(self, refused):
        self._refused = refused

    def score(self, model, *_batch, **_loss):
        return float("nan") if model is self._refused else 1.0

    def score_many(self, models, *_batch, **_loss):
        return np.array([self.score(each) for each in models])


def test_mean_ranks(models, batch):
    proxies = [autoprox.load(name) for name in NAMES]
    expected = np.mean([stats.rankdata(each.score_many(models, *batch)) / len(models) for each in proxies], axis=0)
    np.testing.assert_allclose(autoprox.ensemble(proxies).score_many(iter(models), *batch), expected)


def test_single_models_are_scored_against_a_calibration_set(models, batch):
    proxies = [autoprox.load(name) for name in NAMES]
    ensemble = autoprox.ensemble(proxies)
    with pytest.raises(SpecError, match="score_many"):
        ensemble.score(models[0], *batch)
    calibrated = ensemble.calibrated(models[:4], *batch)
    shares = []
    for each in proxies:
        known, new = each.score_many(models[:4], *batch), each.score(models[4], *batch)
        shares.append(np.mean(known < new) + np.mean(known == new) / 2)
    assert calibrated.score(models[4], *batch) == pytest.approx(np.mean(shares))


def test_undefined_members(models, batch):
    """A network that a member cannot score has no rank; the others keep theirs."""

    first = models[0]
    ensemble = autoprox.ensemble([autoprox.load("snip"), Picky(first)])
    scores = ensemble.score_many(models, *batch)
    assert np.isnan(scores[0])
    assert np.isfinite(scores[1:]).all()
    with pytest.raises(UndefinedScoreError, match="picky"):
        ensemble.calibrated(models, *batch).score(first, *batch)
    with pytest.raises(SpecError, match="picky"):
        ensemble.calibrated(models[:1], *batch)


def test_an_ensemble_of_one_ranks_as_its_member(models, batch):
    proxy = Proxy("mine", parse("nodes_sum(l1(weight))"), -1)
    scores = autoprox.ensemble([proxy]).score_many(models, *batch)
    assert stats.kendalltau(scores, proxy.score_many(models, *batch)).statistic == pytest.approx(1.0)


def test_nobody_makes_no_ensemble():
    with pytest.raises(SpecError, match="at least one"):
        autoprox.ensemble([])


def test_a_hall_of_fame_is_the_ensemble_of_its_fittest_steady_members(tmp_path):
    graphs, signs = ["nodes_sum(l1(weight))", "nodes_mean(std(weight_grad))"], [1, -1]
    hall = [{"graph": text, "sign": sign, "steady": True} for text, sign in zip(graphs, signs, strict=True)]
    hall.insert(0, {"graph": "nodes_max(l1(weight))", "sign": 1, "steady": False})
    hall += [{"graph": "nodes_sum(params)", "sign": 1, "steady": True}] * (HALL_MEMBERS + 1)
    path = tmp_path / "hall.json"
    path.write_text(json.dumps(hall))
    found = autoprox.load(path)
    assert [(str(each.graph), each.sign) for each in found.members[:2]] == list(zip(graphs, signs, strict=True))
    assert len(found.members) == HALL_MEMBERS


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '[{"graph": "nodes_sum(", "sign": 1, "steady": true}]', '[{"steady": false}]']
)
def test_no_hall_of_fame(text, tmp_path):
    path = tmp_path / "hall.json"
    path.write_text(text)
    with pytest.raises(StoreMismatchError, match=r"hall\.json"):
        autoprox.load(path)


def test_networks_of_tables_are_ranked_within_their_space_and_task(tmp_path):
    """`evaluate` shows for an ensemble what its members' scores give by hand."""
    table = Table.read()
    archs = [arch for arch in table.archs.values() if arch.space == "pit-micro"][:6]
    networks = [
        Network(table.spaces[arch.space], arch, table.task(name, arch.space))
        for name in ("digits", "mnist5k")
        for arch in archs
    ]
    proxies = [autoprox.load(name) for name in NAMES]
    cache = StatisticsCache(tmp_path / "statistics.sqlite")
    rows = score_networks([*proxies, autoprox.ensemble(proxies, "all")], networks, cache).required()
    for half in (slice(0, 6), slice(6, 12)):
        expected = np.mean([stats.rankdata(row[half]) for row in rows[:-1]], axis=0)
        assert stats.spearmanr(rows[-1][half], expected).statistic == pytest.approx(1)
    with pytest.raises(SpecError, match="the name 'snip'"):
        score_networks([proxies[0], proxies[0]], networks, cache)


def test_members_are_told_apart_by_what_they_are_and_measured_in_one_pass(tmp_path):
    """Two ensembles may have members with the same name, and each network is collected once for all."""
    table, passes = Table.read(), []
    archs = [arch for arch in table.archs.values() if arch.space == "pit-micro"][:5]
    networks = [Network(table.spaces[arch.space], arch, table.task("digits", arch.space)) for arch in archs]
    one, two = (Proxy("member", parse(text)) for text in ("nodes_sum(l1(weight))", "nodes_max(max(weight))"))

    def counted(leaves, total):
        passes.append(total)
        return leaves

    cache = StatisticsCache(tmp_path / "statistics.sqlite")
    scorers = [autoprox.ensemble([one], "first"), autoprox.ensemble([two], "second"), one]
    rows = score_networks(scorers, networks, cache, progress=counted).required()
    for row, proxy in zip(rows[:2], (one, two), strict=True):
        alone = score_networks([proxy], networks, cache).required()[0]
        assert stats.kendalltau(row, alone).statistic == pytest.approx(1)
    assert passes == [len(networks)]

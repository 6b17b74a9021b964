"""Ensembles against ranks worked out by SciPy."""

import numpy as np
import pytest
from scipy import stats

import autoprox
from autoprox.errors import SpecError, UndefinedScoreError
from autoprox.graph import Proxy, parse

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
    """What a member cannot score has no rank; the others keep theirs."""

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

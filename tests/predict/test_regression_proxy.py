"""A regression as a scorer: scored without a network, in evaluate and search, and as a file."""

import json

import numpy as np
import pytest

import autoprox
from autoprox.base.errors import CollectionError, StoreMismatchError
from autoprox.bench.problem import statistics_of
from autoprox.bench.table import Table
from autoprox.networks import Network
from autoprox.predict import (
    ArchRegression,
    MultivariateRegression,
    RegressionProxy,
    agreement_figure,
    coefficient_figure,
)
from autoprox.scorers import score_networks
from autoprox.spaces import load_space
from tests.search.worlds import MICRO as TASK

MICRO = load_space("autoformer-micro")
RNG = np.random.default_rng(0)
ARCHS = [MICRO.sample(RNG) for _ in range(60)]
TARGETS = np.array([np.log(MICRO.counts(arch, 10, 8, 1).params) for arch in ARCHS])
FITTED = ArchRegression(MICRO).fit(ARCHS[:50], TARGETS[:50])
PROXY = RegressionProxy.of("sizes", [FITTED], {"table": "mine"})


@pytest.fixture
def file(tmp_path):
    PROXY.save(tmp_path / "regression.json")
    return tmp_path / "regression.json"


def test_it_scores_networks_beside_other_proxies_without_building_them(monkeypatch):
    table = Table.read()
    networks = [Network(MICRO, arch, TASK) for arch in ARCHS[50:]]
    both = autoprox.ensemble([PROXY, autoprox.load("params")])
    found = score_networks([PROXY, autoprox.load("params"), both], networks, statistics_of(table)).required()
    np.testing.assert_allclose(found[0], FITTED.predict(ARCHS[50:]))
    ranks = np.argsort(np.argsort(found[:2], axis=1), axis=1).sum(axis=0)
    assert np.array_equal(np.argsort(found[2], kind="stable"), np.argsort(ranks, kind="stable"))
    monkeypatch.setattr(Network, "build", lambda _: pytest.fail("a network was built"))
    np.testing.assert_allclose(score_networks([PROXY], networks, statistics_of(table)).required(), found[:1])


def test_a_search_by_it_finds_what_it_predicts_best():
    found = autoprox.search.run(PROXY, MICRO, rng=np.random.default_rng(3), task=TASK, budget=60)
    archs = [each.arch for each in found.candidates]
    assert found.pick.score == pytest.approx(FITTED.predict(archs).max())


def test_it_returns_from_its_file_and_is_known_by_content(file):
    again = autoprox.load(file)
    assert isinstance(again, RegressionProxy)
    assert again.identity == PROXY.identity == PROXY.renamed("other").identity
    assert again.score_arch(MICRO, ARCHS[0]) == PROXY.score_arch(MICRO, ARCHS[0])
    assert str(again.summary("autoformer-micro")) == str(FITTED.summary())
    other = ArchRegression(MICRO).fit(ARCHS[:49], TARGETS[:49])
    assert RegressionProxy.of("sizes", [other]).identity != PROXY.identity


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda document: document["spaces"]["autoformer-micro"]["coefficients"].__setitem__(0, 1.0), "was changed"),
        (lambda document: document.update(format_version=99), "its format is"),
        (lambda document: document.pop("spaces"), "does not hold a regression"),
    ],
)
def test_a_damaged_file_is_refused(file, change, said):
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    with pytest.raises(StoreMismatchError, match=said):
        autoprox.load(file)


def test_what_it_cannot_score_is_said():
    with pytest.raises(CollectionError, match="a live model has no genes"):
        PROXY.score(MICRO.build(ARCHS[0], 10, 8, 1), TASK.images, TASK.labels)
    pit = load_space("pit-micro")
    with pytest.raises(CollectionError, match="fitted in autoformer-micro, not in the space 'pit-micro'"):
        PROXY.score_arch(pit, pit.sample(RNG))


def test_figures_show_effects_with_their_intervals_and_the_diagonal():
    X = RNG.normal(size=(40, 2))
    model = MultivariateRegression().fit(X, 0.1 * X[:, 0] + 3 * X[:, 1] + RNG.normal(size=40))
    axes = coefficient_figure(model).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["x1", "x0"]
    (bars,) = axes.collections
    low, high = bars.get_segments()[0][:, 0]
    summary = model.summary().terms.loc["x1"]
    assert (low + high) / 2 == pytest.approx(summary["coefficient"] * X[:, 1].std())
    assert (high - low) / 2 == pytest.approx(2.0262 * summary["std_error"] * X[:, 1].std(), rel=1e-4)  # t of 37
    points = agreement_figure([1.0, 2.0], [3.0, 1.0]).axes[0]
    assert points.collections[0].get_offsets().tolist() == [[1.0, 3.0], [2.0, 1.0]]
    assert points.get_title() == "2 architectures, Kendall -1.00"
    with pytest.raises(ValueError, match="one prediction for each"):
        agreement_figure([1.0], [1.0, 2.0])

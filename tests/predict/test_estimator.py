"""The estimator: scikit-learn's checks, further guarantees, and refusals."""

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from autoprox.base.errors import AutoproxError, FitError, RegistryError, SpecError, StoreMismatchError
from autoprox.predict.parzc import MABNRegressor

CHEAP = {"width": 8, "n_estimators": 1, "max_iter": 30, "n_draws": 2, "learning_rate": 0.03, "random_state": 0}
FAILURES: dict[str, str] = {}
"""Checks of scikit-learn that are expected to fail, each with its reason: none."""


@parametrize_with_checks([MABNRegressor(**CHEAP | {"max_iter": 10})], expected_failed_checks=lambda _: FAILURES)
def test_scikit_learn(estimator, check):
    check(estimator)


def node_data(n=40, nodes=6, statistics=2, seed=0):
    """Architectures of 3 to 6 nodes; the target is the sum of the first statistic over the nodes that exist."""
    rng = np.random.default_rng(seed)
    values = rng.lognormal(size=(n, nodes, statistics))
    depths = rng.integers(3, nodes + 1, size=n)
    values[np.arange(nodes) >= depths[:, None]] = np.nan
    return values, np.nansum(np.log(values[:, :, 0]) + 1, axis=1)


def fitted(**options):
    X, y = node_data()
    return MABNRegressor(**{**CHEAP, "node_shape": (6, 2), **options}).fit(X, y), X, y


@pytest.mark.parametrize("loss", ["diffkendall", "pairwise", "mse", ("pairwise", "diffkendall")])
def test_learns_to_rank_with_every_loss(loss):
    X, y = node_data(n=80)
    model = MABNRegressor(node_shape=(6, 2), loss=loss, n_estimators=2, max_iter=60, n_draws=4, random_state=0)
    model.fit(X[:50], y[:50])
    assert kendalltau(model.predict(X[50:]), y[50:]).statistic > 0.7


@pytest.mark.parametrize(
    "options",
    [{"variant": "released"}, {"bayesian": False}, {"token_mixing": False}, {"masked": False}, {"linear": False}],
)
def test_every_variant_fits_and_predicts(options):
    model, X, _ = fitted(**options)
    mean, std = model.predict(X, return_std=True)
    assert np.isfinite(mean).all()
    assert (std > 0).all()


def test_two_and_three_dimensions_are_the_same():
    model, X, y = fitted()
    flat = clone(model).fit(X.reshape(40, 12), y)
    assert np.array_equal(flat.predict(X.reshape(40, 12)), model.predict(X))


def test_the_value_under_a_missing_node_cannot_matter_and_a_masked_model_is_told_from_a_padded_one():
    model, X, _ = fitted()
    padded, _, _ = fitted(masked=False)
    assert not np.allclose(model.predict(X), padded.predict(X))


def test_a_prediction_does_not_depend_on_the_other_rows():
    model, X, _ = fitted(n_estimators=3)
    mean, std = model.predict(X, return_std=True)
    alone = [model.predict(X[row : row + 1], return_std=True) for row in range(5)]
    assert np.allclose([one[0][0] for one in alone], mean[:5], rtol=1e-12)
    assert np.allclose([one[1][0] for one in alone], std[:5], rtol=1e-12)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    model, X, _ = fitted()
    model.predict(X)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_fresh_process_gives_the_same_result(python):
    code = (
        "from tests.predict.test_estimator import fitted\n"
        "model, X, _ = fitted(n_estimators=2)\n"
        "print([value.hex() for value in model.predict(X).tolist()])"
    )
    model, X, _ = fitted(n_estimators=2)
    here = str([value.hex() for value in model.predict(X).tolist()])
    assert python.run(["-c", code]).communicate()[0].strip() == here
    assert not np.array_equal(fitted(random_state=1)[0].predict(X), model.predict(X))


def test_groups_are_standardised_apart_and_never_compared():
    X, y = node_data(n=60)
    groups = np.repeat(["digits", "mnist"], 30)
    shifted = np.where(groups == "mnist", 1000 - 0 * y + 7 * y, y)
    options = {**CHEAP, "node_shape": (6, 2), "max_iter": 120, "n_estimators": 2}
    model = MABNRegressor(**options).fit(X, shifted, groups)
    same = MABNRegressor(**options).fit(X, y, groups)
    assert np.allclose(model.predict(X), same.predict(X), atol=1e-4)  # neither offset nor scale of a group matters
    assert abs(model.predict(X).mean()) < 0.3
    assert min(kendalltau(model.predict(X)[groups == g], y[groups == g]).statistic for g in ("digits", "mnist")) > 0.7
    mean, std = model.predict(X, return_std=True, groups=groups)
    plain, deviations = model.predict(X, return_std=True)
    assert np.allclose(mean, np.where(groups == "mnist", shifted[30:].mean(), y[:30].mean()) + plain * std / deviations)
    with pytest.raises(FitError, match=r"not fitted on a group 'digit'\. Did you mean 'digits'"):
        model.predict(X, groups=np.full(60, "digit"))


def test_importance_finds_the_node_that_matters():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5, 2))
    model = MABNRegressor(**{**CHEAP, "node_shape": (5, 2), "max_iter": 120}).fit(X, X[:, 3, 1])
    importance = model.node_importance(by_statistic=True)
    assert importance.shape == (5, 2)
    assert importance.sum() == pytest.approx(1)
    assert np.unravel_index(importance.argmax(), importance.shape) == (3, 1)
    assert np.allclose(model.node_importance(), importance.sum(axis=1))
    assert model.node_importance().max() > 0.4


def test_intervals_widen_where_nothing_is_known_and_cover_what_was_not_seen():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(160, 4))
    y = X.sum(axis=1) + rng.normal(size=160)
    model = MABNRegressor(n_estimators=4, max_iter=100, n_draws=8, random_state=0).fit(X[:60], y[:60])
    mean, std = model.predict(X[60:], return_std=True)
    inside = np.abs(y[60:] - mean) < 1.645 * std
    # 90 of 100, with a standard error of 3 and a noise estimate from 60 rows.
    assert 78 <= inside.sum() <= 99
    assert model.predict(5 * X[60:], return_std=True)[1].mean() > std.mean()


@pytest.mark.parametrize("linear", [True, False])
def test_saved_and_loaded_in_the_same_state(tmp_path, linear):
    model, X, _ = fitted(n_estimators=2, linear=linear)
    model.save(tmp_path / "model.pt", {"table": "mine"})
    loaded = MABNRegressor.load(tmp_path / "model.pt")
    assert np.array_equal(loaded.predict(X, return_std=True), model.predict(X, return_std=True))
    assert np.array_equal(loaded.node_importance(), model.node_importance())
    assert loaded.get_params() == model.get_params()
    assert loaded.network_share_ == model.network_share_
    assert loaded.provenance_["table"] == "mine"
    assert set(loaded.provenance_["versions"]) == {"autoprox", "torch", "scikit-learn"}


def rewritten(path, **changes):
    document = torch.load(path, weights_only=True)
    torch.save({**document, **changes}, path)


def test_files_that_are_refused(tmp_path):
    model, _, _ = fitted()
    path = tmp_path / "model.pt"
    model.save(path)
    rewritten(path, format_version=1)
    with pytest.raises(StoreMismatchError, match="format version 1, but this autoprox reads version 2"):
        MABNRegressor.load(path)
    model.save(path)
    tensors = torch.load(path, weights_only=True)["tensors"]
    rewritten(path, tensors=tensors | {"importance_": tensors["importance_"] * 2})
    with pytest.raises(StoreMismatchError, match="was changed"):
        MABNRegressor.load(path)
    torch.save({"something": 1}, path)
    with pytest.raises(StoreMismatchError, match="does not hold a fitted model"):
        MABNRegressor.load(path)
    torch.save(model.members_[0].network, path)  # code, which the restricted loader refuses
    with pytest.raises(StoreMismatchError, match="does not hold a fitted model"):
        MABNRegressor.load(path)
    path.write_text("{}")
    with pytest.raises(StoreMismatchError, match="does not hold a fitted model"):
        MABNRegressor.load(path)
    with pytest.raises(StoreMismatchError, match="There is no file"):
        MABNRegressor.load(tmp_path / "nothing.pt")


def test_writing_where_nothing_can_be_written(tmp_path):
    model, _, _ = fitted()
    (tmp_path / "file").write_text("")
    with pytest.raises(AutoproxError):
        model.save(tmp_path / "file" / "model.pt")


def hole(X):
    X[4, 1, 0] = np.nan
    return X


def without_nodes(X):
    X[2] = np.nan
    return X


def infinite(X):
    X[2, 0] = np.inf
    return X


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (hole, FitError, "statistic 0 of node 1 in row 4"),
        (without_nodes, FitError, "Row 2 of X has no node"),
        (infinite, ValueError, "infinity"),
        (lambda X: X[:, :5], FitError, r"X has 5 nodes with 2 statistics, but node_shape is 6 x 2"),
        (lambda X: X.reshape(40, 12)[:, :10], FitError, r"needs 6 x 2 = 12"),
        (lambda X: X[:1], ValueError, "1 sample"),
    ],
)
def test_data_that_are_refused(change, error, message):
    X, y = node_data()
    X = change(X)
    with pytest.raises(error, match=message):
        MABNRegressor(**CHEAP, node_shape=(6, 2)).fit(X, y[: len(X)])


def test_other_nodes_at_prediction_than_at_fit():
    model, X, _ = fitted()
    with pytest.raises(FitError, match="X has 5 nodes"):
        model.predict(X[:, :5])
    with pytest.raises(FitError, match="statistic 1 of node 0 in row 0"):
        model.predict(np.where(np.arange(2) == 1, np.nan, X[:1]))


def test_a_node_that_was_in_no_architecture_of_the_fit_takes_part_through_what_nodes_share():
    X, y = node_data()
    X[:, 5] = np.nan
    model = MABNRegressor(**CHEAP, node_shape=(6, 2)).fit(X, y)
    deeper = X.copy()
    deeper[:, 5] = deeper[:, 2]
    change = model.predict(deeper) - model.predict(X)
    assert np.isfinite(change).all()
    assert (change != 0).all()
    released = MABNRegressor(**CHEAP, node_shape=(6, 2), variant="released").fit(X, y)
    assert np.array_equal(released.predict(deeper), released.predict(X))


def test_labels_that_are_refused():
    X, y = node_data()
    model = MABNRegressor(**CHEAP, node_shape=(6, 2))
    with pytest.raises(FitError, match="All 40 targets are equal"):
        model.fit(X, np.ones(40))
    with pytest.raises(FitError, match="All 30 targets are equal"):  # their mean is rounded: np.std gives 5e-17
        model.fit(X[:30], np.full(30, 0.1))
    with pytest.raises(FitError, match="equal in every group"):
        model.fit(X, np.repeat([1.0, 2.0], 20), np.repeat([0, 1], 20))
    with pytest.raises(FitError, match="40 architectures and 3 groups"):
        model.fit(X, y, [0, 1, 2])
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X, np.full(40, np.nan))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"variant": "mixed"}, SpecError, "Did you mean 'mixer'"),
        ({"loss": "diffkendal"}, RegistryError, "Did you mean 'diffkendall'"),
        ({"max_iter": 0}, SpecError, "max_iter must be a whole number of at least 1, not 0"),
        ({"width": 2.5}, SpecError, "width"),
        ({"prior_std": 0.0}, SpecError, "prior_std must be a positive number"),
        ({"kl_weight": -1.0}, SpecError, "kl_weight"),
        ({"node_shape": (6,)}, SpecError, "node_shape must be"),
    ],
)
def test_settings_that_are_refused(options, error, message):
    X, y = node_data()
    with pytest.raises(error, match=message):
        MABNRegressor(**{**CHEAP, "node_shape": (6, 2), **options}).fit(X, y)


def test_batches_smaller_than_the_data():
    X, y = node_data(n=80)
    model = MABNRegressor(node_shape=(6, 2), batch_size=16, n_estimators=1, max_iter=200, random_state=0)
    assert kendalltau(model.fit(X[:50], y[:50]).predict(X[50:]), y[50:]).statistic > 0.7

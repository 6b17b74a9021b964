"""The linear path against scikit-learn's ridge, and its properties."""

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from sklearn.linear_model import Ridge, RidgeCV

from autoprox.predict.parzc import MABNRegressor
from autoprox.predict.parzc._network_ensemble import _best, _line
from autoprox.predict.parzc.linear import PENALTIES, LinearPath, normal_scores
from autoprox.predict.parzc.scaling import NodeScaler


def problem(n=24, nodes=5, statistics=2, seed=0):
    rng = np.random.default_rng(seed)
    values = torch.as_tensor(rng.normal(size=(n, nodes, statistics)))
    mask = torch.as_tensor(np.arange(nodes) < rng.integers(3, nodes + 1, size=(n, 1)))
    targets = (values[:, :, 0] * mask).sum(dim=1) + torch.as_tensor(rng.normal(size=n))
    groups = torch.as_tensor(rng.integers(2, size=n))
    return values, mask, (targets - targets.mean()) / targets.std(correction=0), groups


def columns(values, mask):
    """The columns by loops over architectures, nodes and statistics."""
    values, mask = values.numpy(), mask.numpy()
    n, nodes, statistics = values.shape
    found = []
    for node in range(nodes):
        there = mask[:, node]
        for each in range(statistics):
            column = np.array([values[row, node, each] if there[row] else np.nan for row in range(n)])
            found.append(np.where(there, column, np.nanmean(column)))
            found[-1] = (found[-1] - np.nanmean(column)) / np.nanstd(column)
    shown = [mask[:, node].astype(float) for node in range(nodes)]
    pooled = [[own[there].mean() for own, there in zip(values[:, :, each], mask, strict=True)] for each in (0, 1)]
    pooled += [[own[there].std() for own, there in zip(values[:, :, each], mask, strict=True)] for each in (0, 1)]
    pooled.append(mask.sum(axis=1))
    standardised = [np.nan_to_num((np.array(each) - np.mean(each)) / (np.std(each) or 1)) for each in shown + pooled]
    nodes_family = np.array(found + standardised[:nodes]) / np.sqrt(nodes * (statistics + 1))
    return np.hstack([nodes_family.T, np.array(standardised[nodes:]).T / np.sqrt(2 * statistics + 1)])


def test_it_is_the_mean_of_two_ridges_on_nodes_and_pools():
    values, mask, targets, groups = problem()
    path = LinearPath(5, 2)
    left_out = path.fit(values, mask, targets, groups)
    inputs = columns(values, mask)
    predicted, without = [], []
    for own in (targets.numpy(), normal_scores(targets.numpy(), groups.numpy())):
        penalty = RidgeCV(PENALTIES).fit(inputs, own).alpha_
        predicted.append(Ridge(penalty).fit(inputs, own).predict(inputs))
        rows = np.arange(len(own))
        without.append(
            [Ridge(penalty).fit(inputs[rows != row], own[rows != row]).predict(inputs[[row]])[0] for row in rows]
        )
    assert np.allclose(path(values, mask).numpy(), np.mean(predicted, axis=0))
    assert np.allclose(left_out.numpy(), np.mean(without, axis=0))


def test_a_column_that_differs_by_rounding_is_constant():
    """A network computes the same value in float32 up to the last bits, which no regression may amplify."""
    values, mask, targets, groups = problem()
    values[:, 2, 1] = 0.3
    blurred = values.clone()
    blurred[:, 2, 1] += 1e-7 * torch.sign(targets)
    plain, noisy = LinearPath(5, 2, pooled=False), LinearPath(5, 2, pooled=False)
    plain.fit(values, mask, targets, groups)
    noisy.fit(blurred, mask, targets, groups)
    assert torch.allclose(plain(values, mask), noisy(blurred, mask), atol=1e-6)


def test_scores_that_differ_by_rounding_have_a_level_line():
    targets = np.array([-1.0, 0.0, 1.0])
    assert _line(np.array([0.3, 0.3, 0.3 + 6e-17]), targets) == (0.0, 0.0)
    slope, intercept = _line(np.array([1e-9, 2e-9, 3e-9]), targets)  # small, but told apart
    assert slope == pytest.approx(1e9)
    assert intercept == pytest.approx(-2.0)


@pytest.mark.parametrize("size", [1e-14, 1.0, 1e14])
def test_what_is_constant_does_not_depend_on_the_unit(size):
    values = size * np.array([[[-1.0, 0.7]], [[2.0, 0.7 + 1e-8]], [[3.0, 0.7]]])
    there = np.ones((3, 1), dtype=bool)
    scaled = NodeScaler().fit(values, there).transform(values, there)[:, 0]
    assert scaled[:, 0].std() == pytest.approx(1.0)
    assert np.abs(scaled[:, 1] / size).max() < 1e-7


def test_normal_scores_are_ranks_of_their_group():
    values, groups = np.array([3.0, 1.0, 10.0, 30.0, 20.0]), np.array([0, 0, 1, 1, 1])
    scores = normal_scores(values, groups)
    assert np.allclose(scores, [0.4307, -0.4307, -0.6745, 0.6745, 0.0], atol=1e-4)
    assert np.array_equal(normal_scores(np.exp(values), groups), scores)


def test_values_under_missing_nodes_do_not_matter_and_gradients_are_finite():
    values, mask, targets, groups = problem()
    path = LinearPath(5, 2)
    path.fit(values, mask, targets, groups)
    other = torch.where(mask.unsqueeze(-1), values, 1e6).requires_grad_()
    scores = path(other, mask)
    assert torch.equal(scores, path(values, mask))
    (gradient,) = torch.autograd.grad(scores.sum(), other)
    assert torch.isfinite(gradient).all()
    assert (gradient[~mask] == 0).all()


def curved(n=200):
    """Node statistics with a nonlinear target, a sum of absolute values."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n, 4, 2))
    return values, 3 * np.abs(values[:, :, 0]).mean(axis=1) + values[:, :, 1].mean(axis=1)


def test_networks_count_where_there_is_something_to_add_and_beat_the_path_alone():
    X, y = curved()
    options = {"node_shape": (4, 2), "n_estimators": 3, "width": 16, "n_draws": 4, "random_state": 0}
    model = MABNRegressor(**options, learning_rate=0.03).fit(X[:120], y[:120])
    assert model.network_share_ > 0
    path = LinearPath(4, 2)
    scaled = torch.as_tensor(model.scaler_.transform(X, np.ones((200, 4), dtype=bool)))
    mask = torch.ones(200, 4, dtype=torch.bool)
    path.fit(scaled[:120], mask[:120], torch.as_tensor(y[:120]), torch.zeros(120, dtype=torch.long))
    alone = kendalltau(path(scaled[120:], mask[120:]).numpy(), y[120:]).statistic
    assert kendalltau(model.predict(X[120:]), y[120:]).statistic > alone + 0.1


@pytest.mark.parametrize(
    ("gains", "best"),
    [([0.0, 0.0, 0.0], 0), ([0.1, -0.1, 0.02], 0), ([0.1, 0.12, 0.11], 1), ([-0.1, -0.1, -0.1], 0)],
)
def test_a_gain_within_its_standard_error_is_taken_for_chance(gains, best):
    base = np.array([0.5, 0.6, 0.7])
    assert _best([base, base + np.array(gains), base]) == best


def test_without_folds_or_a_path_networks_count_fully():
    X, y = curved(30)
    options = {"node_shape": (4, 2), "width": 4, "max_iter": 3, "n_draws": 2, "random_state": 0}
    for extra in ({"n_estimators": 1}, {"linear": False, "n_estimators": 2}, {"variant": "released"}):
        assert MABNRegressor(**options, **extra).fit(X, y).network_share_ == 1.0

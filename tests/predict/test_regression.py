"""The interpretable regression against statsmodels, scikit-learn and plain loops."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.utils.estimator_checks import parametrize_with_checks
from statsmodels.stats.outliers_influence import variance_inflation_factor

from autoprox.base.errors import SpecError
from autoprox.predict._regression import PENALTIES, MultivariateRegression

FOXNAS = Path(__file__).parents[3] / "shared" / "data" / "tables" / "foxnas_300.csv"


def frame(n: int = 60, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Two stages of depth and width, with a latency that grows with their products."""
    rng = np.random.default_rng(seed)
    columns = {"depth_1": (1, 5), "depth_2": (1, 7), "width": (4, 40)}
    rows = pd.DataFrame({name: rng.integers(low, high, n).astype(float) for name, (low, high) in columns.items()})
    latency = 3 + 0.2 * rows["depth_1"] * rows["width"] + 0.1 * rows["depth_2"] + rng.normal(size=n)
    return rows, latency.rename("latency_ms")


@parametrize_with_checks([MultivariateRegression()])
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@pytest.mark.parametrize("interactions", [[], [("depth_1", "width"), ("depth_2", "width")]])
def test_least_squares_and_its_inference_are_those_of_statsmodels(interactions):
    rows, latency = frame()
    model = MultivariateRegression(interactions=interactions).fit(rows, latency)
    design = rows.assign(**{f"{a} * {b}": rows[a] * rows[b] for a, b in interactions})
    reference = sm.OLS(latency, sm.add_constant(design)).fit()
    summary = model.summary()
    assert summary.penalty == 0
    assert list(summary.terms.index) == ["intercept", *design.columns]
    np.testing.assert_allclose(summary.terms["coefficient"], reference.params, rtol=1e-9)
    np.testing.assert_allclose(summary.terms["std_error"], reference.bse, rtol=1e-9)
    np.testing.assert_allclose(summary.terms["t"], reference.tvalues, rtol=1e-8)
    np.testing.assert_allclose(summary.terms["p"], reference.pvalues, rtol=1e-7, atol=1e-300)
    assert summary.r2 == pytest.approx(reference.rsquared, rel=1e-10)
    assert summary.adjusted_r2 == pytest.approx(reference.rsquared_adj, rel=1e-10)
    assert summary.residual_std == pytest.approx(np.sqrt(reference.mse_resid), rel=1e-10)
    assert summary.degrees == pytest.approx(reference.df_resid)
    exog = sm.add_constant(design).to_numpy()
    expected = [variance_inflation_factor(exog, column) for column in range(1, exog.shape[1])]
    np.testing.assert_allclose(summary.terms["vif"].iloc[1:], expected, rtol=1e-7)


def test_a_ridge_is_that_of_scikit_learn_on_standardised_columns():
    rows, latency = frame(12)
    model = MultivariateRegression(penalty=2.5).fit(rows, latency)
    standard = (rows - rows.mean()) / rows.std(ddof=0)
    reference = Ridge(alpha=2.5).fit(standard, latency)
    np.testing.assert_allclose(model.predict(rows), reference.predict(standard), rtol=1e-10)


@pytest.mark.parametrize(("n", "penalty"), [(10, "auto"), (60, "leave-one-out")])
def test_the_chosen_penalty_has_the_least_leave_one_out_error(n, penalty):
    rows, latency = frame(n)
    model = MultivariateRegression(penalty=penalty).fit(rows, latency)
    standard = ((rows - rows.mean()) / rows.std(ddof=0)).to_numpy()
    target = latency.to_numpy()

    def error(penalty: float) -> float:
        misses = []
        for left_out in range(len(target)):
            kept = np.arange(len(target)) != left_out
            # The columns keep the scale of all rows, as the penalty is stated for it.
            fitted = Ridge(alpha=penalty).fit(standard[kept], target[kept])
            misses.append(target[left_out] - fitted.predict(standard[left_out : left_out + 1])[0])
        return float(np.mean(np.square(misses)))

    errors = [error(penalty) for penalty in PENALTIES]
    assert model.penalty_ == PENALTIES[int(np.argmin(errors))]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 80))
def test_an_explanation_adds_up_to_the_prediction(seed, n):
    rows, latency = frame(n, seed)
    model = MultivariateRegression(interactions=[("depth_1", "width")]).fit(rows, latency)
    parts = model.explain(rows.iloc[-1])
    assert parts.sum() == pytest.approx(model.predict(rows.iloc[[-1]])[0])
    assert parts["mean"] == pytest.approx(latency.mean())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-50, 50))
def test_units_of_features_do_not_change_predictions(seed, factor, shift):
    rows, latency = frame(14, seed)
    moved = rows.assign(width=rows["width"] * factor + shift)
    first = MultivariateRegression().fit(rows, latency).predict(rows)
    second = MultivariateRegression().fit(moved, latency).predict(moved)
    np.testing.assert_allclose(first, second, rtol=1e-6, atol=1e-6)


def test_dependent_and_constant_columns_are_said_and_harm_no_prediction():
    rows, latency = frame()
    doubled = rows.assign(twice=2 * rows["width"], constant=1.0)
    model = MultivariateRegression(penalty=0.0).fit(doubled, latency)
    np.testing.assert_allclose(model.predict(doubled), LinearRegression().fit(rows, latency).predict(rows), rtol=1e-9)
    inflation = model.summary().terms["vif"]
    assert np.isinf(inflation["twice"])
    assert np.isinf(inflation["width"])
    assert np.isnan(inflation["constant"])


@pytest.mark.parametrize("constant", [0.1, -3.3, 1e-9])
def test_a_constant_whose_mean_is_rounded_is_a_constant(constant):
    rows, latency = frame(13)
    model = MultivariateRegression(penalty=0.0).fit(rows.assign(constant=constant), latency)
    plain = MultivariateRegression(penalty=0.0).fit(rows, latency)
    np.testing.assert_allclose(model.coef_, [*plain.coef_, 0.0], rtol=1e-9)
    assert np.isnan(model.summary().terms["vif"]["constant"])
    assert model.summary().degrees == pytest.approx(plain.summary().degrees)


def test_a_constant_target_has_no_share_that_is_explained():
    rows, _ = frame(13)
    summary = MultivariateRegression(penalty=0.0).fit(rows, np.full(13, 0.1)).summary()
    assert np.isnan(summary.r2)


def test_as_many_terms_as_rows_leave_no_inference():
    summary = MultivariateRegression(penalty=0.0).fit([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [1.0, 2.0, 4.0]).summary()
    assert summary.terms["p"].isna().all()
    assert np.isnan(summary.adjusted_r2)
    assert summary.r2 == pytest.approx(1)


@pytest.mark.parametrize(
    ("settings_", "said"),
    [
        ({"interactions": [("width", "dept_1")]}, "Did you mean 'depth_1'?"),
        ({"penalty": "automatic"}, '"auto", "leave-one-out" or a number of at least 0'),
        ({"penalty": -1.0}, '"auto", "leave-one-out" or a number of at least 0'),
    ],
)
def test_wrong_settings_are_one_clear_error(settings_, said):
    with pytest.raises(SpecError, match=said.replace("?", r"\?")):
        MultivariateRegression(**settings_).fit(*frame())


def test_the_printed_summary_names_method_fit_and_terms():
    text = str(MultivariateRegression().fit(*frame()).summary())
    assert text.startswith("ordinary least squares; 60 rows, 4 terms, 56.0 residual degrees of freedom\nR2 ")
    assert [line.split()[0] for line in text.splitlines()[4:]] == ["intercept", "depth_1", "depth_2", "width"]
    assert json.loads(MultivariateRegression().fit(*frame()).summary().terms.to_json())["vif"]["intercept"] is None


@pytest.mark.skipif(not FOXNAS.exists(), reason="the published measurements of FOX-NAS are not there")
@pytest.mark.parametrize(("target", "r2", "tau"), [("acc", 0.947, 0.864), ("latency", 0.990, 0.924)])
def test_the_published_measurements_give_the_published_fit(target, r2, tau):
    rows = pd.read_csv(FOXNAS)
    stages, steps = ("24", "40", "80", "112", "160"), ("16_24", "24_40", "40_80", "80_112", "112_160")
    columns = [f"{name}_{stage}" for name in ("tot", "avg_e", "avg_k") for stage in stages]
    columns += [f"{name}_{step}" for name in ("tot_e", "tot_k") for step in steps]
    expansion = "tot_e" if target == "acc" else "avg_e"
    columns += [f"tot_e_{stage}" for stage in stages] if target == "acc" else []
    pairs = [(f"{name}_{stage}", f"tot_{stage}") for name in (expansion, "avg_k") for stage in stages]
    model = MultivariateRegression(interactions=pairs).fit(rows[columns], rows[target])
    assert model.summary().r2 == pytest.approx(r2, abs=5e-4)
    found = [
        kendalltau(rows[target], cross_val_predict(model, rows[columns], rows[target], cv=folds)).statistic
        for folds in (KFold(10, shuffle=True, random_state=seed) for seed in range(5))
    ]
    assert np.mean(found) == pytest.approx(tau, abs=0.005)

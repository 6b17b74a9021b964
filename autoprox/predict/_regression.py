"""Interpretable regressions: accuracy or latency as a linear function of named features of an architecture."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from autoprox.base.arrays import Floats
from autoprox.base.errors import SpecError, suggestion

PENALTIES = tuple(10.0 ** (exponent / 4) for exponent in range(-24, 17))
"""Candidate penalties of the ridge for leave-one-out: 1e-6 to 1e4, for standardised columns and `n` rows."""
ROWS_PER_TERM = 4
"""With fewer rows per term, `AUTO` uses a ridge instead of least squares."""
AUTO, LEAVE_ONE_OUT = "auto", "leave-one-out"
"""Ways to choose the penalty of a ridge."""
LEAST_LEFT = 1e-12
"""Share of a column's variance left unexplained by the others, below which the inflation is infinite."""
INTERCEPT = "intercept"
_COLUMNS = ("coefficient", "std_error", "t", "p", "vif")
_LEAST_DEGREES = 1e-9
# Fewer residual degrees of freedom are rounding error: there are as many terms as rows.


@dataclass(frozen=True)
class RegressionSummary:
    """Inference of a regression and each of its terms.

    Args:
        terms: One row per term, the intercept first. Columns: `coefficient`, `std_error`, `t`, `p` (two-sided),
            `vif` (variance inflation factor; NaN for the intercept and for a constant column).
        r2: Share of the variance explained on the rows of the fit.
        adjusted_r2: The same, adjusted for the degrees of freedom; NaN if none are left.
        n: Number of rows of the fit.
        degrees: Residual degrees of freedom: `n` minus the trace of the hat matrix.
        residual_std: Standard deviation of the residuals, in units of the target.
        penalty: Penalty of the ridge; 0 is ordinary least squares.
    """

    terms: pd.DataFrame
    r2: float
    adjusted_r2: float
    n: int
    degrees: float
    residual_std: float
    penalty: float

    def __str__(self) -> str:
        method = f"ridge, penalty {self.penalty:.3g}" if self.penalty else "ordinary least squares"
        head = (
            f"{method}; {self.n} rows, {len(self.terms)} terms, {self.degrees:.1f} residual degrees of freedom\n"
            f"R2 {self.r2:.3f}, adjusted R2 {self.adjusted_r2:.3f}, residual standard deviation {self.residual_std:.3g}"
        )
        return f"{head}\n{self.terms.to_string(float_format=lambda value: f'{value:.3g}')}"

    def to_document(self) -> dict[str, Any]:
        """The summary as JSON-like data: NaN as None, infinity as text."""
        numbers = {name: value for name, value in vars(self).items() if name != "terms"}
        columns = {name: [_plain(value) for value in self.terms[name].tolist()] for name in _COLUMNS}
        return {name: _plain(value) for name, value in numbers.items()} | {"terms": list(self.terms.index)} | columns

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Restores a summary from the result of `to_document`."""
        columns = {name: [_number(value) for value in document[name]] for name in _COLUMNS}
        terms = pd.DataFrame(columns, index=pd.Index(document["terms"], name="term"), dtype=float)
        names = ("r2", "adjusted_r2", "degrees", "residual_std", "penalty")
        return cls(terms, n=int(document["n"]), **{name: _number(document[name]) for name in names})

    def _repr_html_(self) -> str:
        head, figures, *_ = str(self).splitlines()
        table: str = self.terms.to_html(float_format=lambda value: f"{value:.3g}")
        return f"<p>{head}<br>{figures}</p>{table}"


class MultivariateRegression(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Linear regression on named features and declared interactions, with inference.

    It follows FOX-NAS (Chiang 2021, https://arxiv.org/abs/2108.08189), which fits accuracy and latency by ordinary
    least squares on depths, mean expansion ratios and mean kernels of each stage, and on their products. With fewer
    than `ROWS_PER_TERM` rows per term, or on request, it is a ridge on standardised columns; the leave-one-out error,
    in closed form, chooses the penalty. Standard errors of a ridge are conditional on the penalty and ignore its bias.

    Args:
        interactions: Pairs of columns, by name or index; the product of each pair is a further term.
        penalty: "auto" as described above; "leave-one-out" for a ridge with any number of rows; or a number, where 0 is
            ordinary least squares.

    Attributes:
        coef_: `(K,)`, one coefficient per term, in units of the target per unit of the term.
        intercept_: Prediction if all terms are 0.
        terms_: `K` names: the columns, then the interactions as `a * b`.
        means_: `(K,)`, means of the terms over the rows of the fit.
        scales_: `(K,)`, standard deviations of the terms over these rows; 1 for a constant term.
        penalty_: The penalty used.
        n_features_in_: Number of columns of X.
        feature_names_in_: Names of the columns, if X had any.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> frame = pd.DataFrame({"depth": rng.integers(1, 9, 60), "width": rng.integers(4, 32, 60)})
        >>> latency = 2 + 0.5 * frame["depth"] * frame["width"]
        >>> model = MultivariateRegression(interactions=[("depth", "width")]).fit(frame, latency)
        >>> model.coef_.round(6).tolist(), round(model.intercept_, 6)
        ([0.0, 0.0, 0.5], 2.0)
    """

    def __init__(self, interactions: Sequence[tuple[str | int, str | int]] = (), penalty: float | str = "auto") -> None:
        self.interactions = interactions
        self.penalty = penalty

    def fit(self, X: npt.ArrayLike | pd.DataFrame, y: npt.ArrayLike) -> Self:
        """Fits the coefficients.

        Args:
            X: `(n, F)`, array or frame.
            y: `(n,)`.

        Raises:
            SpecError: If an interaction names no column, or the penalty is invalid.
            ValueError: If X or y are not finite, or have too few rows.
        """
        columns, targets = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        goal: Floats = np.asarray(targets, dtype=np.float64)
        self._pairs = self._columns_of(self.interactions)
        terms = self._terms(columns)
        self.terms_ = self._term_names()
        self.means_ = terms.mean(axis=0)
        varies = np.ptp(terms, axis=0) > 0
        # The deviations of a constant column are the rounding of its mean.
        self.scales_ = np.where(varies, terms.std(axis=0), 1.0)
        standard = np.where(varies, (terms - self.means_) / self.scales_, 0.0)
        # One singular value decomposition serves all penalties, and handles linearly dependent columns.
        u, s, vt = np.linalg.svd(standard, full_matrices=False)
        kept = s > s.max(initial=0.0) * max(standard.shape) * np.finfo(np.float64).eps
        u, s, vt = u[:, kept], s[kept], vt[kept]
        target = goal - goal.mean() if np.ptp(goal) > 0 else np.zeros_like(goal)
        self.penalty_ = self._chosen(u, s, target, len(self.terms_))
        shrunk = s / (s**2 + self.penalty_)
        standard_coef = vt.T @ (shrunk * (u.T @ target))
        self.coef_ = standard_coef / self.scales_
        self.intercept_ = float(goal.mean() - self.coef_ @ self.means_)
        self._infer(s, vt, shrunk, standard, target - standard @ standard_coef, target)
        return self

    def predict(self, X: npt.ArrayLike | pd.DataFrame) -> Floats:
        """Predicts the target, `(n, F)` -> `(n,)`."""
        check_is_fitted(self)
        columns = validate_data(self, X, dtype=np.float64, reset=False)
        return np.asarray(self._terms(columns) @ self.coef_ + self.intercept_)

    def summary(self) -> RegressionSummary:
        """Coefficients with standard errors, t, p and variance inflation; R2 and adjusted R2.

        Example:
            >>> rng = np.random.default_rng(0)
            >>> X = rng.normal(size=(50, 2))
            >>> summary = MultivariateRegression().fit(X, X @ [1.0, 0.0] + rng.normal(size=50)).summary()
            >>> (summary.terms["p"] < 0.01).tolist(), summary.penalty
            ([False, True, False], 0.0)
        """
        check_is_fitted(self)
        return self._summary

    def explain(self, x: npt.ArrayLike | pd.Series) -> pd.Series:
        """Splits one prediction into terms.

        Args:
            x: `(F,)`, the features of one architecture.

        Returns:
            `mean` (the mean target of the fit), then the contribution of each term's deviation from its mean; the sum
            is the prediction.

        Example:
            >>> model = MultivariateRegression(penalty=0.0).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
            >>> model.explain([3.0]).round(6).to_dict()
            {'mean': 3.0, 'x0': 4.0}
        """
        check_is_fitted(self)
        row = x.to_frame().T if isinstance(x, pd.Series) else np.asarray(x, dtype=np.float64)[None]
        checked = validate_data(self, row, dtype=np.float64, reset=False)
        parts = self.coef_ * (self._terms(checked)[0] - self.means_)
        mean = self.intercept_ + float(self.coef_ @ self.means_)
        return pd.Series([mean, *parts], index=["mean", *self.terms_], name="contribution")

    def to_document(self) -> dict[str, Any]:
        """The fitted model as JSON-like data."""
        check_is_fitted(self)
        return {
            "columns": self._names(),
            "interactions": [[self._names()[place] for place in pair] for pair in self._pairs],
            "intercept": self.intercept_,
            "coefficients": self.coef_.tolist(),
            "means": self.means_.tolist(),
            "scales": self.scales_.tolist(),
            "summary": self._summary.to_document(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Restores a fitted model from the result of `to_document`.

        Raises:
            SpecError: If an interaction names no column.
        """
        summary = RegressionSummary.from_document(document["summary"])
        model = cls([(first, second) for first, second in document["interactions"]], summary.penalty)
        model.feature_names_in_ = np.array(document["columns"], dtype=object)
        model.n_features_in_ = len(document["columns"])
        model.intercept_, model.penalty_, model._summary = float(document["intercept"]), summary.penalty, summary
        model._pairs = model._columns_of(model.interactions)
        model.terms_ = model._term_names()
        for name, key in (("coef_", "coefficients"), ("means_", "means"), ("scales_", "scales")):
            setattr(model, name, np.array(document[key], dtype=np.float64).reshape(len(model.terms_)))
        return model

    def _chosen(self, u: Floats, s: Floats, target: Floats, terms: int) -> float:
        """The given penalty, or the one with the least leave-one-out error."""
        if self.penalty == AUTO and len(target) >= ROWS_PER_TERM * (terms + 1):
            return 0.0
        if self.penalty in (AUTO, LEAVE_ONE_OUT):
            errors = [_leave_one_out(u, s, target, penalty) for penalty in PENALTIES]
            return float(PENALTIES[int(np.argmin(errors))])
        if isinstance(self.penalty, str) or not (np.isfinite(self.penalty) and self.penalty >= 0):
            raise SpecError(
                f'The penalty is {self.penalty!r}; give "{AUTO}", "{LEAVE_ONE_OUT}" or a number of at least 0.'
            )
        return float(self.penalty)

    def _infer(
        self, s: Floats, vt: Floats, shrunk: Floats, standard: Floats, residuals: Floats, target: Floats
    ) -> None:
        n = len(target)
        degrees = n - 1 - float((s * shrunk).sum())
        rss, tss = float(residuals @ residuals), float(target @ target)
        # With as many terms as rows, the noise is unknown.
        variance = rss / degrees if degrees > _LEAST_DEGREES else np.nan
        covariance = variance * (vt.T * shrunk**2) @ vt / np.outer(self.scales_, self.scales_)
        intercept_variance = variance / n + self.means_ @ covariance @ self.means_
        errors = np.sqrt(np.concatenate(([intercept_variance], np.diag(covariance))))
        values = np.concatenate(([self.intercept_], self.coef_))
        with np.errstate(divide="ignore", invalid="ignore"):
            t = values / errors
        p = 2 * stats.t.sf(np.abs(t), degrees) if degrees > _LEAST_DEGREES else np.full_like(t, np.nan)
        frame = pd.DataFrame(
            {"coefficient": values, "std_error": errors, "t": t, "p": p, "vif": [np.nan, *_inflation(standard)]},
            index=pd.Index([INTERCEPT, *self.terms_], name="term"),
        )
        r2 = 1 - rss / tss if tss > 0 else np.nan
        adjusted = 1 - (1 - r2) * (n - 1) / degrees if degrees > _LEAST_DEGREES else np.nan
        self._summary = RegressionSummary(frame, r2, adjusted, n, degrees, float(np.sqrt(variance)), self.penalty_)

    def _names(self) -> list[str]:
        if hasattr(self, "feature_names_in_"):
            return [str(name) for name in self.feature_names_in_]
        return [f"x{index}" for index in range(self.n_features_in_)]

    def _term_names(self) -> list[str]:
        names = self._names()
        return [*names, *(f"{names[first]} * {names[second]}" for first, second in self._pairs)]

    def _columns_of(self, interactions: Sequence[tuple[str | int, str | int]]) -> list[tuple[int, int]]:
        names = self._names()
        places: dict[str | int, int] = {name: index for index, name in enumerate(names)}
        places |= {index: index for index in range(len(names))}
        pairs = []
        for pair in interactions:
            for column in pair:
                if column not in places:
                    raise SpecError(f"An interaction names the column {column!r}. {suggestion(str(column), names)}")
            pairs.append((places[pair[0]], places[pair[1]]))
        return pairs

    def _terms(self, X: Floats) -> Floats:
        return np.column_stack([X, *(X[:, first] * X[:, second] for first, second in self._pairs)])


def _plain(value: float) -> float | str | None:
    """A number for JSON: NaN as None, infinity as text."""
    return value if math.isfinite(value) else None if math.isnan(value) else str(value)


def _number(value: float | str | None) -> float:
    return math.nan if value is None else float(value)


def _leave_one_out(u: Floats, s: Floats, target: Floats, penalty: float) -> float:
    """Mean squared leave-one-out error of a ridge with an unpenalised intercept, in closed form.

    The residual of a left-out row is its residual in the full fit divided by 1 - h, where h is its leverage
    (Golub 1979, https://doi.org/10.1080/00401706.1979.10489751).
    """
    weights = s**2 / (s**2 + penalty)
    leverage = (u**2) @ weights + 1 / len(target)
    residuals = target - u @ (weights * (u.T @ target))
    return float(np.mean((residuals / np.maximum(1 - leverage, np.finfo(np.float64).eps)) ** 2))


def _inflation(standard: Floats) -> list[float]:
    """Variance inflation factors of standardised columns `(n, K)`: the diagonal of their inverse correlation matrix.

    The factor is NaN for a constant column, and infinite for linearly dependent columns.
    """
    varying = standard.std(axis=0) > 0
    found = np.full(standard.shape[1], np.nan)
    columns = standard[:, varying]
    for place, index in enumerate(np.flatnonzero(varying)):
        others = np.delete(columns, place, axis=1)
        own = columns[:, place]
        residual = own - others @ np.linalg.lstsq(others, own, rcond=None)[0] if others.shape[1] else own
        left = float(residual @ residual) / float(own @ own)
        found[index] = 1 / left if left > LEAST_LEFT else np.inf
    return found.tolist()

"""Predictors: scikit-learn estimators that are fitted to labels.

- `parzc/`: a learned aggregator of node statistics
- `regression`: accuracy or latency as a linear function of named features, with inference
- `arch_features`, `arch_regression`: the features of any space, and the regression on them
- `regression_proxy`: regressions as a scorer, beside any proxy
- `figures`: coefficients with their intervals, predicted against measured
"""

from autoprox.predict._arch_features import ArchFeatures
from autoprox.predict._arch_regression import ArchRegression
from autoprox.predict._regression import MultivariateRegression, RegressionSummary
from autoprox.predict._regression_figures import agreement_figure, coefficient_figure
from autoprox.predict._regression_proxy import RegressionProxy

__all__ = [
    "ArchFeatures",
    "ArchRegression",
    "MultivariateRegression",
    "RegressionProxy",
    "RegressionSummary",
    "agreement_figure",
    "coefficient_figure",
]

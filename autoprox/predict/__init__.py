"""Predictors: scikit-learn estimators that are fitted to labels.

- `parzc/`: a learned aggregator of node statistics
- `regression`: accuracy or latency as a linear function of named features, with inference
- `arch_features`, `arch_regression`: the features of any space, and the regression on them
- `regression_proxy`: regressions as a scorer, beside any proxy
- `latency_model`, `layer_times`: latency as a cost that is predicted, by features or layer by layer
- `device_profile`: the measurements that such a model is fitted to
- `figures`: coefficients with their intervals, predicted against measured
"""

from autoprox.predict._arch_features import ArchFeatures
from autoprox.predict._arch_regression import ArchRegression
from autoprox.predict._device_profile import (
    AGREEMENT,
    LEAST_ARCHS,
    PROFILE_FORMAT,
    PROFILE_JOURNAL,
    ROUNDS,
    Profile,
    profile,
    recorded_timings,
)
from autoprox.predict._latency_model import LATENCY_FILE, LatencyModel, PredictedLatency, PredictionError
from autoprox.predict._regression import MultivariateRegression, RegressionSummary
from autoprox.predict._regression_figures import agreement_figure, coefficient_figure
from autoprox.predict._regression_proxy import RegressionProxy

__all__ = [
    "AGREEMENT",
    "LATENCY_FILE",
    "LEAST_ARCHS",
    "PROFILE_FORMAT",
    "PROFILE_JOURNAL",
    "ROUNDS",
    "ArchFeatures",
    "ArchRegression",
    "LatencyModel",
    "MultivariateRegression",
    "PredictedLatency",
    "PredictionError",
    "Profile",
    "RegressionProxy",
    "RegressionSummary",
    "agreement_figure",
    "coefficient_figure",
    "profile",
    "recorded_timings",
]

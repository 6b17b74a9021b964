"""Predictors: scikit-learn estimators that are fitted to labels.

- `parzc/`: a learned aggregator of node statistics
- `regression`: accuracy or latency as a linear function of named features, with inference
- `arch_features`, `arch_regression`: features of the architectures of a space, and the regression on them
- `regression_proxy`: regressions as a scorer
- `latency_model`, `layer_times`: predicted latency as a cost, by features or layer by layer
- `device_profile`: measurements of a device, and the latency model fitted to them
- `regression_figures`: coefficients with intervals, predicted against measured values
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

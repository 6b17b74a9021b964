"""Predictors: scikit-learn estimators that are fitted to labels.

- `parzc/`: a learned aggregator of node statistics
- `regression`: accuracy or latency as a linear function of named features, with inference
"""

from autoprox.predict._regression import MultivariateRegression, RegressionSummary

__all__ = ["MultivariateRegression", "RegressionSummary"]

"""ParZC: a learned aggregator of node statistics, as an alternative to a formula.

- `layers`, `mabn`: Bayesian linear layers, and the networks: the mixer, and the stack released by the authors
- `predictor_losses`, `training`: losses (DiffKendall, pairwise logistic, squared error), and the training
- `linear`: the linear path next to a network
- `network_ensemble`: networks that each leave out one fold, and their predictions of it
- `scaling`, `inputs`: the scale of statistics; checks of statistics and targets
- `estimator`, `model_file`: `MABNRegressor`, a scikit-learn estimator, and its file
- `features`: node statistics of the architectures of a table, or of a user's frame
- `learned_proxy`: a fitted model as a scorer of live networks
- `aggregator_figures`: importance of nodes, and calibration of predictions

After Dong 2025, ParZC (https://arxiv.org/abs/2402.02105).
"""

from autoprox.predict.parzc._learned_proxy import LearnedProxy
from autoprox.predict.parzc._predictor_losses import LOSSES, PredictorLoss
from autoprox.predict.parzc.estimator import MABNRegressor
from autoprox.predict.parzc.features import DEFAULT_STATISTICS, NodeFeatures, features, from_frame

__all__ = [
    "DEFAULT_STATISTICS",
    "LOSSES",
    "LearnedProxy",
    "MABNRegressor",
    "NodeFeatures",
    "PredictorLoss",
    "features",
    "from_frame",
]

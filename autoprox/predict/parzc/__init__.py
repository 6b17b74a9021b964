"""ParZC: a learned aggregator of node statistics, as an alternative to a formula.

    layers.py      Bayesian linear layers
    mabn.py        the networks: the mixer, and the stack that the authors released
    losses.py      what they are trained by: DiffKendall, pairwise logistic, squares
    training.py    one network
    linear.py      the linear path beside a network
    ensemble.py    networks, each without one fold, and what they say of it
    scaling.py     the scale of the statistics
    inputs.py      checks of statistics and targets
    estimator.py   MABNRegressor, a scikit-learn estimator
    files.py       a fitted model on disk
    features.py    node statistics of the architectures of a table, or of a user
    learned.py     a fitted model that scores live networks
    figures.py     what was learned, and how far it can be trusted

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

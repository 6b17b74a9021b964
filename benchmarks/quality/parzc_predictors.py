"""Predictors of parzc.py: MABN in its variants, and simple models on the same labels."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autoprox.base.arrays import Floats
from autoprox.metrics import kendall_tau_b
from autoprox.predict.parzc import MABNRegressor
from autoprox.predict.parzc.aggregator_figures import coverage
from autoprox.predict.parzc.linear import LinearPath
from autoprox.predict.parzc.scaling import NodeScaler

MABN = "MABN"
VARIANTS: dict[str, dict[str, Any]] = {
    "MABN, pairwise": {"loss": "pairwise"},
    "MABN, mse": {"loss": "mse"},
    "MABN, released layers": {"variant": "released", "width": 64, "depth": 4, "kl_weight": 0.0},
}
ABLATION: dict[str, dict[str, Any]] = {
    MABN: {},
    "MABN, released layers": VARIANTS["MABN, released layers"],
    "MABN, a single network": {"n_estimators": 1},
    "MABN, zero padding for the mask": {"masked": False},
    **{
        name: {"linear": False, **options}
        for name, options in {
            "mixer alone": {},
            "mixer alone, pairwise": {"loss": "pairwise"},
            "mixer alone, mse": {"loss": "mse"},
            "mixer alone, diffkendall + pairwise": {"loss": ("diffkendall", "pairwise")},
            "mixer alone, not Bayesian": {"bayesian": False, "kl_weight": 0.0},
            "mixer alone, Bayesian without prior": {"kl_weight": 0.0},
            "mixer alone, strong prior, slow": {"kl_weight": 0.1, "max_iter": 150, "learning_rate": 5e-3},
            "mixer alone, no token mixing": {"token_mixing": False},
            "mixer alone, zero padding for the mask": {"masked": False},
        }.items()
    },
}
"""Variants without the linear path, since the share of the networks is mostly 0 with it."""
STATISTICS: dict[str, tuple[int, ...]] = {
    "snip alone": (0,),
    "gradients alone": (0, 1, 2),
    "counts alone": (3, 4, 5, 6),
}


@dataclass(frozen=True)
class BlockData:
    """One block: statistics, architecture features, labels, and scores that need no labels."""

    name: str
    space: str
    values: Floats
    shapes: Floats
    labels: Floats
    scores: dict[str, Floats]
    labelled: np.ndarray
    """Rows for training."""
    judged: np.ndarray
    """Rows for judging."""


def flat(values: Floats, rows: np.ndarray) -> Floats:
    """Node statistics as columns, on MABN's scale; a missing node is the column's mean, with an indicator."""
    mask = ~np.isnan(values).all(axis=2)
    scaler = NodeScaler().fit(values[rows], mask[rows])
    scaled = np.where(mask[:, :, None], scaler.transform(values, mask), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a node that is missing in all labelled architectures
        means = np.nan_to_num(np.nanmean(scaled[rows], axis=0))
    filled = np.where(np.isnan(scaled), means, scaled).reshape(len(values), -1)
    return np.hstack([filled, mask.astype(np.float64)])


def ridge() -> RegressorMixin:
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 5, 25)))


def gaussian_process() -> RegressorMixin:
    kernel = ConstantKernel(1.0) * RBF(30.0, (1.0, 1e4)) + WhiteKernel(0.1)
    return make_pipeline(StandardScaler(), GaussianProcessRegressor(kernel, normalize_y=True, random_state=0))


def boosting() -> RegressorMixin:
    return HistGradientBoostingRegressor(min_samples_leaf=3, random_state=0)


def rival(name: str, data: BlockData, rows: np.ndarray, others: np.ndarray) -> Floats:
    """Predictions of a rival for the other rows."""
    models: dict[str, tuple[Floats, Callable[[], RegressorMixin]]] = {
        "ridge on four architecture features": (data.shapes, ridge),
        "ridge on node statistics": (flat(data.values, rows), ridge),
        "boosting on node statistics": (data.values.reshape(len(data.values), -1), boosting),
        "Gaussian process on node statistics": (flat(data.values, rows), gaussian_process),
    }
    columns, model = models[name]
    known = ~np.isnan(columns[rows]).all(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = model().fit(columns[rows][:, known], data.labels[rows])
    return np.asarray(fitted.predict(columns[others][:, known]))


RIVALS = (
    "ridge on four architecture features",
    "ridge on node statistics",
    "boosting on node statistics",
    "Gaussian process on node statistics",
)


PATH = "linear path of MABN alone"


def linear_path(data: BlockData, rows: np.ndarray, others: np.ndarray) -> Floats:
    """Predictions of MABN's linear path for the other rows, fitted once on all labels."""
    mask = ~np.isnan(data.values).all(axis=2)
    scaled = NodeScaler().fit(data.values[rows], mask[rows]).transform(data.values, mask)
    statistics, there = torch.as_tensor(np.where(mask[:, :, None], scaled, 0.0)), torch.as_tensor(mask)
    labels = data.labels[rows]
    targets = torch.as_tensor((labels - labels.mean()) / labels.std())
    path = LinearPath(*data.values.shape[1:])
    path.fit(statistics[rows], there[rows], targets, torch.zeros(len(rows), dtype=torch.long))
    return np.asarray(path(statistics[others], there[others]))


def mabn(options: dict[str, Any], data: BlockData, rows: np.ndarray, others: np.ndarray, seed: int) -> dict[str, Any]:
    """Predictions of a MABN for the other rows, with the share inside its 90 % interval and the cost of the fit."""
    picks = options.get("statistics", range(data.values.shape[2]))
    settings = {key: value for key, value in options.items() if key != "statistics"}
    values = data.values[:, :, list(picks)]
    model = MABNRegressor(node_shape=values.shape[1:], random_state=seed, **settings)
    start = time.process_time()
    model.fit(values[rows], data.labels[rows])
    seconds = time.process_time() - start
    mean, std = model.predict(values[others], return_std=True)
    return {"scores": mean, "inside": coverage(data.labels[others], mean, std), "seconds": seconds}


def one_draw(data: BlockData, name: str, options: dict[str, Any] | None, rows: Any, others: Any, draw: int) -> Any:
    """Predictions of one predictor after one draw of labels; runs in a worker process."""
    if options is not None:
        found = mabn(options, data, rows, others, draw)
    else:
        found = {"scores": (linear_path(data, rows, others) if name == PATH else rival(name, data, rows, others))}
    return found | {"tau": float(kendall_tau_b(found["scores"][None], data.labels[others])[0])}

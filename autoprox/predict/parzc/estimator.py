"""The learned aggregator as a scikit-learn estimator."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from autoprox.base.arrays import Floats
from autoprox.base.errors import FitError, SpecError, suggestion
from autoprox.base.isolation import isolated
from autoprox.base.progress import progress
from autoprox.base.threads import single_threaded
from autoprox.predict.parzc._inputs import flat, group_scales, nodes_of
from autoprox.predict.parzc._mabn import Mixer, Released
from autoprox.predict.parzc._model_file import read_model, write_model
from autoprox.predict.parzc._network_ensemble import Member, draw_seed, fit_ensemble
from autoprox.predict.parzc._predictor_losses import LOSSES, SumOfLosses
from autoprox.predict.parzc._training import Data, Schedule
from autoprox.predict.parzc.linear import LinearPath
from autoprox.predict.parzc.scaling import Booleans, NodeScaler

VARIANTS = ("mixer", "released")


class MABNRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Mixer architecture with Bayesian layers (MABN): predicts accuracy, or ranks, from node statistics.

    It follows ParZC (Dong 2025, https://arxiv.org/abs/2402.02105). An ensemble of small networks is trained, each
    without one fold of the architectures. Predictions of the held-out folds give the noise of a prediction.

    Each network is combined with a ridge regression on the same statistics (`linear.LinearPath`), which needs fewer
    labels. The network learns a correction to it, with a weight chosen on the held-out folds. The scores of a ranking
    loss have no scale; a line fitted to the training targets sets it.

    Args:
        node_shape: `(L, S)` if a row of X holds `L` nodes with `S` statistics each, node by node. If None, every column
            is a node with one statistic.
        variant: "mixer", or "released" for the layer stack of the authors' code (`mabn.Released`; use `kl_weight=0`
            with it, as they do).
        loss: Name in `autoprox.predict.parzc.LOSSES`, or several names for the sum of their losses.
        width: Channels of the networks.
        depth: Blocks of the networks.
        bayesian: True for linear layers with a posterior ("mixer" only).
        token_mixing: True to mix nodes ("mixer" only).
        masked: True to mask missing nodes; otherwise they are nodes with statistics of 0.
        linear: True to combine each network with a ridge regression ("mixer" only).
        prior_std: Scale of the prior, see `BayesianLinear`.
        kl_weight: Weight of the divergence from the prior: 0 means no prior, 1 is a posterior at temperature 1.
        n_estimators: Number of networks; 1 for a single network trained on all architectures.
        max_iter: Optimiser steps per network.
        learning_rate: Largest learning rate.
        batch_size: Architectures per step.
        n_draws: Weight draws per network at prediction.
        random_state: Seed; the same integer gives the same result in any process. It also seeds the weight draws at
            prediction, which all rows share.
        verbose: True to show a progress bar on standard error.

    Attributes:
        seed_: The seed drawn from random_state.
        members_: The ensemble.
        network_share_: Weight of the networks relative to their linear paths, in [0, 1]: chosen by Kendall's tau of
            held-out architectures; 1 without linear paths, or with a single network.
        scaler_: The scale of the statistics.
        groups_: `(G,)`, names of the groups of the fit, sorted; one empty name if no groups were given.
        group_scales_: `(G, 2)`, mean and standard deviation of the targets of each group.
        out_of_fold_mean_: `(n,)`, out-of-fold prediction of each architecture of the fit, in standard deviations of its
            group; in-sample predictions for a single network.
        out_of_fold_std_: `(n,)`, standard deviations of these predictions.
        noise_std_: Standard deviation of the residuals of standardised targets.
        importance_: `(L, S)`, see `node_importance`.
        n_features_in_: Number of columns of X.
        n_iter_: Number of training steps per network.
        provenance_: Provenance saved with a loaded model.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(40, 6))
        >>> y = X[:, :3].sum(axis=1)
        >>> model = MABNRegressor(n_estimators=2, max_iter=60, random_state=0).fit(X[:30], y[:30])
        >>> mean, std = model.predict(X[30:], return_std=True)
        >>> mean.shape, bool((std > 0).all())
        ((10,), True)
    """

    def __init__(
        self,
        *,
        node_shape: tuple[int, int] | None = None,
        variant: str = "mixer",
        loss: str | Sequence[str] = "diffkendall",
        width: int = 24,
        depth: int = 1,
        bayesian: bool = True,
        token_mixing: bool = True,
        masked: bool = True,
        linear: bool = True,
        prior_std: float = 1.0,
        kl_weight: float = 0.01,
        n_estimators: int = 5,
        max_iter: int = 60,
        learning_rate: float = 0.015,
        batch_size: int = 256,
        n_draws: int = 16,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.node_shape = node_shape
        self.variant = variant
        self.loss = loss
        self.width = width
        self.depth = depth
        self.bayesian = bayesian
        self.token_mixing = token_mixing
        self.masked = masked
        self.linear = linear
        self.prior_std = prior_std
        self.kl_weight = kl_weight
        self.n_estimators = n_estimators
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_draws = n_draws
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.node_shape is not None
        tags.input_tags.three_d_array = self.node_shape is not None
        return tags

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Self:
        """Fits the ensemble.

        Args:
            X: `(n, L)`; with `node_shape`, `(n, L * S)` or `(n, L, S)`. A missing node is NaN in all statistics.
            y: `(n,)`, higher is better.
            groups: `(n,)`, names of comparable groups, such as the data sets of a table. Architectures of different
                groups are never ranked against each other, and targets are standardised within their group.

        Returns:
            The estimator itself.

        Raises:
            FitError: If there is only one architecture, all targets are equal, or a NaN is not part of a missing node.
            SpecError: If a setting is out of range.
            ValueError: If scikit-learn's checks refuse X or y.
        """
        self._check_settings()
        checked, targets = validate_data(
            self, flat(X, self.node_shape), y, y_numeric=True, ensure_min_samples=2, **self._checks
        )
        values, mask = nodes_of(checked, self.node_shape)
        targets = targets.astype(np.float64)
        names = np.full(len(targets), "") if groups is None else np.asarray(groups).astype(str)
        if names.shape != targets.shape:
            raise FitError(f"There are {len(targets)} architectures and {names.size} groups; give one group per row.")
        self.groups_, of = np.unique(names, return_inverse=True)
        self.group_scales_ = group_scales(targets, of)
        standardised = (targets - self.group_scales_[of, 0]) / self.group_scales_[of, 1]
        self.seed_ = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self.scaler_ = NodeScaler(per_node=values.shape[2] == 1).fit(values, mask)
        with single_threaded(), isolated(), self._ticks() as tick:
            data = Data.of(self._scaled(values, mask), self._shown(mask), _tensor(standardised), torch.as_tensor(of))
            found = fit_ensemble(
                data,
                self.n_estimators,
                lambda: self.member(*values.shape[1:]),
                SumOfLosses([self.loss] if isinstance(self.loss, str) else self.loss),
                Schedule(self.max_iter, self.learning_rate, self.batch_size, self.kl_weight),
                masked=self.masked,
                n_draws=self.n_draws,
                seed=self.seed_,
                tick=tick,
            )
            self.members_ = found.members
            self.importance_ = self._importance(data)
        self.network_share_ = found.members[0].share
        self.out_of_fold_mean_ = found.unseen_mean
        # The residuals of held-out rows give the noise of predictions.
        self.noise_std_ = float(np.sqrt(np.mean((standardised - found.unseen_mean) ** 2)))
        self.out_of_fold_std_ = np.sqrt(found.unseen_variance + self.noise_std_**2)
        self.n_iter_ = self.max_iter
        self.provenance_: dict[str, Any] = {}
        return self

    def predict(
        self, X: npt.ArrayLike, return_std: bool = False, groups: npt.ArrayLike | None = None
    ) -> Floats | tuple[Floats, Floats]:
        """Predicts, averaged over networks and draws of their weights.

        Args:
            X: As for `fit`, with the same nodes.
            return_std: True to return standard deviations as well.
            groups: `(n,)`, groups of the fit, which set mean and scale of predictions. If None, predictions of a model
                with several groups are in standard deviations of a group.

        Returns:
            `(n,)`; with `return_std`, also the standard deviations `(n,)`, which combine the spread over networks and
            draws with the noise of the fit.

        Raises:
            FitError: If the nodes differ from those of the fit, or a NaN is not part of a missing node.
            FitError: If a group is unknown.
        """
        check_is_fitted(self, "members_")
        checked = validate_data(self, flat(X, self.node_shape), reset=False, **self._checks)
        values, mask = nodes_of(checked, self.node_shape)
        with single_threaded(), isolated():
            statistics, shown = self._scaled(values, mask), self._shown(mask)
            drawn = [
                member.draws(statistics, shown, self.n_draws, draw_seed(self.seed_, index))
                for index, member in enumerate(self.members_)
            ]
        draws = torch.cat(drawn).numpy()
        centre, scale = self._scales_of(groups)
        mean = np.asarray(centre + scale * draws.mean(axis=0))
        return (mean, np.asarray(scale * np.sqrt(draws.var(axis=0) + self.noise_std_**2))) if return_std else mean

    def node_importance(self, *, by_statistic: bool = False) -> Floats:
        """Importance of each node for the scores of the architectures of the fit.

        It is the mean over architectures and networks of |scaled statistic x derivative of the score by it| (gradient
        times input, at the mean weights), summed over the statistics of a node. The sum over all nodes is 1.

        Args:
            by_statistic: True to return importances per statistic.

        Returns:
            `(L,)`, or `(L, S)`.
        """
        check_is_fitted(self, "importance_")
        return self.importance_.copy() if by_statistic else np.asarray(self.importance_.sum(axis=1))

    def save(self, path: str | Path, provenance: dict[str, Any] | None = None) -> None:
        """Writes the fitted model to one file: settings as JSON, arrays as tensors, no code.

        Args:
            path: The file; replaced if it exists.
            provenance: JSON-like data about the origin of the model; `load` restores it as `provenance_`.

        Raises:
            AutoproxError: If the file cannot be written.
        """
        write_model(self, Path(path), provenance or {})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads a saved model; nothing in the file is executed.

        Raises:
            StoreMismatchError: If the file is not such a model, has another version, or was changed.
        """
        return read_model(cls, Path(path))

    def member(self, nodes: int, statistics: int) -> Member:
        """An untrained network with its linear path; its parameters come from torch's generator."""
        if self.variant == "released":
            return Member(Released(nodes, statistics, self.width, self.depth, self.prior_std))
        network = Mixer(
            nodes,
            statistics,
            self.width,
            self.depth,
            self.prior_std,
            bayesian=self.bayesian,
            token_mixing=self.token_mixing,
        )
        # Columns of a plain X are different quantities, which must not be pooled.
        return Member(
            network, LinearPath(nodes, statistics, pooled=self.node_shape is not None) if self.linear else None
        )

    def _scales_of(self, groups: npt.ArrayLike | None) -> tuple[Floats, Floats]:
        """Centre and scale of predictions, per row or for all rows."""
        if groups is None:
            alone = self.group_scales_[0] if len(self.groups_) == 1 else np.array([0.0, 1.0])
            return alone[0], alone[1]
        names = np.asarray(groups).astype(str)
        for name in np.unique(names):
            if name not in self.groups_:
                raise FitError(f"The model was not fitted on a group '{name}'. {suggestion(str(name), self.groups_)}")
        rows = self.group_scales_[np.searchsorted(self.groups_, names)]
        return rows[..., 0], rows[..., 1]

    def _importance(self, data: Data) -> Floats:
        found = [member.sensitivity(data.statistics, data.mask) for member in self.members_]
        total: Floats = np.sum(found, axis=0)
        return total / total.sum() if total.sum() > 0 else np.full_like(total, 1 / total.size)

    def _scaled(self, values: Floats, mask: Booleans) -> Tensor:
        return _tensor(self.scaler_.transform(values, mask))

    def _shown(self, mask: Booleans) -> Tensor:
        """The mask that the networks see."""
        return torch.as_tensor(mask if self.masked else np.ones_like(mask))

    @property
    def _checks(self) -> dict[str, Any]:
        """Arguments of scikit-learn's check of X."""
        return {"dtype": np.float64, "ensure_all_finite": True if self.node_shape is None else "allow-nan"}

    def _check_settings(self) -> None:
        if self.variant not in VARIANTS:
            raise SpecError(f"Unknown variant '{self.variant}'. {suggestion(str(self.variant), VARIANTS)}")
        for name in [self.loss] if isinstance(self.loss, str) else self.loss:
            LOSSES[name]
        for name in ("width", "depth", "n_estimators", "max_iter", "batch_size", "n_draws"):
            value, least = getattr(self, name), 2 if name in ("width", "batch_size") else 1
            if not isinstance(value, Integral) or value < least:
                raise SpecError(f"The parameter {name} must be a whole number of at least {least}, not {value!r}.")
        for name in ("prior_std", "learning_rate", "kl_weight"):
            value = getattr(self, name)
            if (
                not isinstance(value, int | float | np.number)
                or not 0 <= value < np.inf
                or (value == 0 and name != "kl_weight")
            ):
                raise SpecError(f"The parameter {name} must be a positive number, not {value!r}.")
        shape = self.node_shape
        if shape is not None and (len(shape) != 2 or min(shape) < 1):
            raise SpecError(f"The parameter node_shape must be (nodes, statistics), two whole numbers, not {shape!r}.")

    @contextmanager
    def _ticks(self) -> Iterator[Callable[[], object]]:
        """Shows training steps in a progress bar if `verbose`."""
        if not self.verbose:
            yield lambda: None
            return
        with progress(self.max_iter, "step") as reach:
            counter = count(1)
            yield lambda: reach(next(counter))


def _tensor(values: Floats) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32)

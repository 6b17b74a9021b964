"""The learned aggregator as a scikit-learn estimator."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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

from autoprox.digest import derived_seed
from autoprox.errors import FitError, SpecError, suggestion
from autoprox.models.threads import single_threaded
from autoprox.parzc.losses import LOSSES, SumOfLosses
from autoprox.parzc.mabn import AbstractAggregator, Mixer, Released
from autoprox.parzc.scaling import Booleans, Floats, NodeScaler
from autoprox.parzc.training import Data, Schedule, seeded, train
from autoprox.progress import progress

VARIANTS = ("mixer", "released")


@dataclass(frozen=True)
class Member:
    """One network of the ensemble, and the line that takes its scores to standardised targets.

    Attributes:
        network: The fitted network.
        slope: Of the line.
        intercept: Of the line.
    """

    network: AbstractAggregator
    slope: float
    intercept: float


class MABNRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Mixer architecture with Bayesian layers (MABN): predicts accuracy, or ranks, from node statistics.

    After ParZC (Dong 2025, https://arxiv.org/abs/2402.02105). An ensemble of small networks is trained, each without
    one fold of the architectures; what they say of the fold that they have not seen gives the noise of a prediction.
    The scores of a ranking loss have no scale: a line fitted to the training targets gives them one.

    Args:
        node_shape: `(L, S)` if a row of X holds `L` nodes with `S` statistics each, node by node. None: every column is
            a node with one statistic.
        variant: "mixer", or "released" for the layer stack of the authors' code (`autoprox.parzc.mabn.Released`; use
            `kl_weight=0` with it as they do).
        loss: Name in `autoprox.parzc.losses.LOSSES`, or several names whose losses are added.
        width: Channels of the networks.
        depth: Blocks of the networks.
        bayesian: Whether the linear layers have a posterior ("mixer" only).
        token_mixing: Whether nodes are mixed ("mixer" only).
        masked: Whether missing nodes are masked; otherwise they are nodes whose statistics are zero.
        prior_std: Scale of the prior, see `BayesianLinear`.
        kl_weight: Weight of the divergence from the prior: 0 is no prior, 1 is a posterior at temperature 1.
        n_estimators: Networks in the ensemble; 1 is a single one that is trained on everything.
        max_iter: Steps of the optimiser for each network.
        learning_rate: Largest learning rate.
        batch_size: Architectures a step.
        n_draws: Draws of each network's weights at prediction.
        random_state: Seed; the same integer gives the same result in any process. Prediction draws its weights from it
            too, the same ones for every row.
        verbose: Whether to show a progress bar on standard error.

    Attributes:
        seed_: The seed that was drawn from random_state.
        members_: The ensemble.
        scaler_: The scale of the statistics.
        groups_: `(G,)`, names of the groups of the fit, sorted; one empty name if none were given.
        group_scales_: `(G, 2)`, mean and standard deviation of the targets of each group.
        out_of_fold_mean_: `(n,)`, what a network says of each architecture of the fit that it has not seen, in standard
            deviations of its group; of all that it has seen where the ensemble is a single network.
        out_of_fold_std_: `(n,)`, standard deviations of these predictions.
        noise_std_: Standard deviation of what the ensemble leaves unexplained, of standardised targets.
        importance_: `(L, S)`, see `node_importance`.
        n_features_in_: Columns of X.
        n_iter_: Steps that each network was trained for.
        provenance_: Of a loaded model, what was saved with it.

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
        prior_std: float = 1.0,
        kl_weight: float = 0.1,
        n_estimators: int = 5,
        max_iter: int = 150,
        learning_rate: float = 5e-3,
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
            X: `(n, L)`; with `node_shape` `(n, L * S)` or `(n, L, S)`, where a node that an architecture does not have
                is NaN in all of its statistics.
            y: `(n,)`, higher is better.
            groups: `(n,)`, names of what can be compared, such as the data sets of a table: architectures of different
                groups are never ranked against each other, and targets are standardised within their group.

        Returns:
            The estimator itself.

        Raises:
            FitError: If there is one architecture only, all targets are equal, or a NaN is no missing node.
            SpecError: If a setting is out of range.
            ValueError: If X and y are not what scikit-learn takes.
        """
        self._check_settings()
        flat, targets = validate_data(self, self._flat(X), y, y_numeric=True, ensure_min_samples=2, **self._checks)
        values, mask = self._nodes(flat)
        targets = targets.astype(np.float64)
        names = np.full(len(targets), "") if groups is None else np.asarray(groups).astype(str)
        if names.shape != targets.shape:
            raise FitError(f"There are {len(targets)} architectures and {names.size} groups; give one group a row.")
        self.groups_, of = np.unique(names, return_inverse=True)
        self.group_scales_ = _scales(targets, of)
        standardised = (targets - self.group_scales_[of, 0]) / self.group_scales_[of, 1]
        self.seed_ = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self.scaler_ = NodeScaler(per_node=values.shape[2] == 1).fit(values, mask)
        data = Data(self._scaled(values, mask), self._shown(mask), _tensor(standardised), torch.as_tensor(of))
        folds = _folds(of, self.n_estimators, self.seed_)
        with single_threaded(), self._ticks() as tick:
            self._look_back(standardised, folds, self._fit_members(data, folds, tick))
            self.importance_ = self._importance(data)
        self.n_iter_ = self.max_iter
        self.provenance_: dict[str, Any] = {}
        return self

    def predict(
        self, X: npt.ArrayLike, return_std: bool = False, groups: npt.ArrayLike | None = None
    ) -> Floats | tuple[Floats, Floats]:
        """Predicts, averaged over networks and draws of their weights.

        Args:
            X: As for `fit`, with the same nodes.
            return_std: Whether to return standard deviations as well.
            groups: `(n,)`, groups of the fit, whose mean and scale predictions get back. If None, predictions of a
                model that was fitted with several groups are in standard deviations of a group.

        Returns:
            `(n,)`, and if asked for `(n,)`: the spread over networks and draws, and the noise that was left in the fit.

        Raises:
            FitError: If the nodes are others than in the fit, a NaN is no missing node, or a group is unknown.
        """
        check_is_fitted(self, "members_")
        values, mask = self._nodes(validate_data(self, self._flat(X), reset=False, **self._checks))
        statistics, shown = self._scaled(values, mask), self._shown(mask)
        with single_threaded():
            draws = torch.cat([self._draws(index, statistics, shown) for index in range(len(self.members_))]).numpy()
        centre, scale = self._scales_of(groups)
        mean = np.asarray(centre + scale * draws.mean(axis=0))
        return (mean, np.asarray(scale * np.sqrt(draws.var(axis=0) + self.noise_std_**2))) if return_std else mean

    def node_importance(self, *, by_statistic: bool = False) -> Floats:
        """How much each node moves the scores of the architectures of the fit.

        The mean over architectures and networks of |scaled statistic x derivative of the score by it| (gradient times
        input, at the mean of the weights), summed over the statistics of a node; all nodes together give 1.

        Args:
            by_statistic: Whether to keep the statistics apart.

        Returns:
            `(L,)`, or `(L, S)`.
        """
        check_is_fitted(self, "importance_")
        return self.importance_.copy() if by_statistic else np.asarray(self.importance_.sum(axis=1))

    def save(self, path: str | Path, provenance: dict[str, Any] | None = None) -> None:
        """Writes the fitted model to one file: settings as JSON, arrays as tensors, no code.

        Args:
            path: The file; replaced if it exists.
            provenance: JSON-like data about where the model comes from, returned by `load` as `provenance_`.

        Raises:
            AutoproxError: If the file cannot be written.
        """
        from autoprox.parzc.files import save

        save(self, Path(path), provenance or {})

    @classmethod
    def load(cls, path: str | Path) -> "MABNRegressor":
        """Reads a model that `save` wrote; nothing in the file is executed.

        Raises:
            StoreMismatchError: If the file is no such model, of another version, or was changed.
        """
        from autoprox.parzc.files import load

        return load(Path(path))

    def network(self, nodes: int, statistics: int) -> AbstractAggregator:
        """An untrained network with these settings; its parameters come from torch's generator."""
        if self.variant == "released":
            return Released(nodes, statistics, self.width, self.depth, self.prior_std)
        return Mixer(
            nodes,
            statistics,
            self.width,
            self.depth,
            self.prior_std,
            bayesian=self.bayesian,
            token_mixing=self.token_mixing,
        )

    def _fit_members(self, data: Data, folds: list[npt.NDArray[np.int64]], tick: Callable[[], object]) -> list[Floats]:
        """Fits the ensemble, each network without a fold; returns what they say of it, `(draws, rows)` each.

        Where nothing is held out they speak of everything.
        """
        kept = [np.setdiff1d(np.arange(len(data)), held_out) for held_out in folds]
        parts = [data.rows(torch.as_tensor(rows)) for rows in kept]
        schedule = Schedule(self.max_iter, self.learning_rate, self.batch_size, self.kl_weight)
        loss = SumOfLosses([self.loss] if isinstance(self.loss, str) else self.loss)
        with seeded(derived_seed("fit", self.seed_)):
            networks = [self.network(*data.statistics.shape[1:]) for _ in folds]
            for network, part in zip(networks, parts, strict=True):
                if self.masked:
                    network.known = part.mask.any(dim=0)
            train(networks, parts, loss, schedule, tick)
        self.members_ = []
        said = []
        for index, (network, held_out, rows) in enumerate(zip(networks, folds, kept, strict=True)):
            raw = self._raw_draws(network, index, data.statistics, data.mask).numpy()
            line = _line(raw.mean(axis=0)[rows], data.targets.numpy()[rows].astype(np.float64))
            self.members_.append(Member(network, *line))
            said.append(line[0] * raw[:, _unseen(held_out, len(data))] + line[1])
        return said

    def _raw_draws(self, network: AbstractAggregator, index: int, statistics: Tensor, mask: Tensor) -> Tensor:
        """Scores under several draws of a network's weights, `(draws, n)`; one draw serves all rows."""
        with torch.no_grad(), seeded(derived_seed("draw", self.seed_, index)):
            drawn = network.double().draws(self.n_draws)
            scores = [each(statistics.double(), mask) for each in drawn]
        return torch.stack(scores)

    def _look_back(
        self, targets: Floats, folds: list[npt.NDArray[np.int64]], draws: list[npt.NDArray[np.float64]]
    ) -> None:
        """What the networks leave unexplained in rows that they have not seen is the noise of predictions."""
        self.out_of_fold_mean_, spread = np.empty((2, len(targets)))
        for held_out, drawn in zip(folds, draws, strict=True):
            unseen = _unseen(held_out, len(targets))
            self.out_of_fold_mean_[unseen], spread[unseen] = drawn.mean(axis=0), drawn.var(axis=0)
        self.noise_std_ = float(np.sqrt(np.mean((targets - self.out_of_fold_mean_) ** 2)))
        self.out_of_fold_std_ = np.sqrt(spread + self.noise_std_**2)

    def _scales_of(self, groups: npt.ArrayLike | None) -> tuple[Floats, Floats]:
        """Centre and scale of predictions, row by row or one for all."""
        if groups is None:
            alone = self.group_scales_[0] if len(self.groups_) == 1 else np.array([0.0, 1.0])
            return alone[0], alone[1]
        names = np.asarray(groups).astype(str)
        for name in np.unique(names):
            if name not in self.groups_:
                raise FitError(f"The model was not fitted on a group '{name}'. {suggestion(str(name), self.groups_)}")
        rows = self.group_scales_[np.searchsorted(self.groups_, names)]
        return rows[..., 0], rows[..., 1]

    def _draws(self, index: int, statistics: Tensor, mask: Tensor) -> Tensor:
        """Standardised predictions of one member, `(draws, n)`."""
        member = self.members_[index]
        return member.slope * self._raw_draws(member.network, index, statistics, mask) + member.intercept

    def _importance(self, data: Data) -> Floats:
        total = np.zeros(tuple(data.statistics.shape[1:]))
        for member in self.members_:
            statistics = data.statistics.double().requires_grad_()
            scores = member.slope * member.network.mean()(statistics, data.mask)
            (gradient,) = torch.autograd.grad(scores.sum(), statistics)
            total += (gradient * statistics).detach().abs().mean(dim=0).numpy()
        return total / total.sum() if total.sum() > 0 else np.full_like(total, 1 / total.size)

    def _scaled(self, values: Floats, mask: Booleans) -> Tensor:
        return _tensor(self.scaler_.transform(values, mask))

    def _shown(self, mask: Booleans) -> Tensor:
        """The mask that the networks see."""
        return torch.as_tensor(mask if self.masked else np.ones_like(mask))

    def _flat(self, X: Any) -> Any:
        """X with two dimensions, if it has three and `node_shape` says what they are."""
        if self.node_shape is None or np.ndim(X) != 3:
            return X
        given = np.shape(X)[1:]
        if given != tuple(self.node_shape):
            raise FitError(
                f"X has {given[0]} nodes with {given[1]} statistics, node_shape says {self.node_shape[0]} and"
                f" {self.node_shape[1]}. Collect the same statistics of the same nodes."
            )
        return np.reshape(X, (len(X), -1))

    @property
    def _checks(self) -> dict[str, Any]:
        """How scikit-learn shall check X."""
        return {"dtype": np.float64, "ensure_all_finite": True if self.node_shape is None else "allow-nan"}

    def _nodes(self, flat: Floats) -> tuple[Floats, Booleans]:
        """Takes a checked X apart: statistics `(n, L, S)`, mask `(n, L)`."""
        if self.node_shape is None:
            return flat[:, :, None], np.ones(flat.shape, dtype=bool)
        nodes, statistics = self.node_shape
        if flat.shape[1] != nodes * statistics:
            raise FitError(
                f"X has {flat.shape[1]} columns, node_shape={tuple(self.node_shape)} needs {nodes} x {statistics} ="
                f" {nodes * statistics}."
            )
        values: Floats = flat.reshape(-1, nodes, statistics)
        missing = np.isnan(values)
        mask = np.asarray(~missing.all(axis=2))
        _refuse_holes(missing, mask)
        return values, mask

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
        """Counts training steps, for those who watch if it is verbose."""
        if not self.verbose:
            yield lambda: None
            return
        with progress(self.max_iter, "step") as reach:
            counter = count(1)
            yield lambda: reach(next(counter))


def _refuse_holes(missing: npt.NDArray[np.bool_], mask: Booleans) -> None:
    holes = np.argwhere(missing & mask[:, :, None])
    if len(holes):
        row, node, statistic = holes[0].tolist()
        raise FitError(
            f"Input X contains NaN: statistic {statistic} of node {node} in row {row}, whose other statistics are"
            " there. A node that an architecture does not have is NaN in all of its statistics; any other NaN has to be"
            " replaced, or the architecture left out."
        )
    empty = np.flatnonzero(~mask.any(axis=1))
    if len(empty):
        raise FitError(f"Row {empty[0]} of X has no node at all: all of its statistics are NaN. Leave it out.")


def _scales(targets: Floats, groups: npt.NDArray[np.int64]) -> Floats:
    """Mean and standard deviation of each group, `(G, 2)`; deviation 1 in a group whose targets are all equal."""
    members = [targets[groups == group] for group in range(groups.max() + 1)]
    spreads = np.array([own.std() for own in members])
    if not spreads.any():
        where = " in every group" if len(members) > 1 else ""
        raise FitError(f"All {len(targets)} targets are equal{where}, so nothing can be ranked. Give other labels.")
    return np.stack([[own.mean() for own in members], np.where(spreads > 0, spreads, 1.0)], axis=1)


def _unseen(held_out: npt.NDArray[np.int64], rows: int) -> npt.NDArray[np.int64]:
    """The rows that a network is judged on: those that it has not seen, or all where it has seen all."""
    return held_out if len(held_out) else np.arange(rows)


def _folds(groups: npt.NDArray[np.int64], wanted: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """Which rows each network does not see: every row once; none if there is one network, or too few rows to spare."""
    number = min(wanted, len(groups) // 3)
    if number < 2:
        return [np.zeros(0, dtype=np.int64) for _ in range(wanted)]
    rng = np.random.default_rng(derived_seed("folds", seed))
    order = rng.permutation(len(groups))
    order = order[
        np.argsort(groups[order], kind="stable")
    ]  # dealt out group by group, so that all folds have all groups
    return [np.sort(order[start::number]) for start in range(number)]


def _line(scores: Floats, targets: Floats) -> tuple[float, float]:
    """Least squares from scores to targets; a line that would turn the ranking round is level instead."""
    centred = scores - scores.mean()
    power = float(centred @ centred)
    slope = max(0.0, float(centred @ targets) / power) if power > 0 else 0.0
    return slope, float(targets.mean() - slope * scores.mean())


def _tensor(values: Floats) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32)

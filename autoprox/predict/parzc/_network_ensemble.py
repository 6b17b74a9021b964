"""The networks of an ensemble, each trained without one fold, and their predictions of held-out architectures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autoprox.base.arrays import Floats
from autoprox.base.digest import derived_seed
from autoprox.base.isolation import isolated
from autoprox.metrics import kendall_tau_b
from autoprox.predict.parzc._mabn import AbstractAggregator
from autoprox.predict.parzc._predictor_losses import PredictorLoss
from autoprox.predict.parzc._training import Data, Schedule, train
from autoprox.predict.parzc.linear import LinearPath
from autoprox.predict.parzc.scaling import ROUNDING

Rows = npt.NDArray[np.int64]

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Candidate weights of a network relative to its linear path."""


@dataclass(frozen=True)
class Member:
    """One network of the ensemble, with its linear path if it has one.

    Attributes:
        network: The fitted network.
        path: The linear path, if any.
        share: Weight of the network: a score is path + share x network.
        slope: Slope of the line from scores to standardised targets.
        intercept: Intercept of this line.
    """

    network: AbstractAggregator
    path: LinearPath | None = None
    share: float = 1.0
    slope: float = 1.0
    intercept: float = 0.0

    def draws(self, statistics: Tensor, mask: Tensor, number: int, seed: int) -> Tensor:
        """Standardised predictions under several draws of the weights, `(number, n)`; all rows share a draw."""
        scores = self.share * raw_draws(self.network, statistics, mask, number, seed)
        if self.path is not None:
            with torch.no_grad():
                scores = scores + self.path(statistics, mask)
        return self.slope * scores + self.intercept

    def sensitivity(self, statistics: Tensor, mask: Tensor) -> Floats:
        """Mean over rows of |statistic x derivative of the prediction by it|, at the mean weights, `(L, S)`."""
        inputs = statistics.double().requires_grad_()
        scores = self.share * self.network.mean()(inputs, mask)
        if self.path is not None:
            scores = scores + self.path(inputs, mask)
        (gradient,) = torch.autograd.grad(self.slope * scores.sum(), inputs)
        found: Floats = (gradient * inputs).detach().abs().mean(dim=0).numpy()
        return found


@dataclass(frozen=True)
class NetworkEnsemble:
    """Result of `fit_ensemble`.

    Attributes:
        members: The networks.
        unseen_mean: `(n,)`, prediction of each architecture by the network that held it out; in-sample if nothing was
            held out.
        unseen_variance: `(n,)`, variance of these predictions over draws of the weights.
    """

    members: list[Member]
    unseen_mean: Floats
    unseen_variance: Floats


def fit_ensemble(
    data: Data,
    wanted: int,
    build: Callable[[], Member],
    loss: PredictorLoss,
    schedule: Schedule,
    *,
    masked: bool,
    n_draws: int,
    seed: int,
    tick: Callable[[], object],
) -> NetworkEnsemble:
    """Fits networks, each without one fold of the architectures.

    Linear paths, if any, are fitted first. A network then learns a correction to the leave-one-out predictions of its
    path. The weight of the networks is the share in `SHARES` that ranks held-out architectures best by Kendall's tau.
    It is 0 if the gain could be chance, and 1 without folds.

    Args:
        data: The architectures.
        wanted: Number of networks.
        build: Returns an untrained member, with parameters from torch's generator.
        loss: The loss.
        schedule: Length and rates of the training.
        masked: True to mask nodes that occur in no training architecture of a network.
        n_draws: Number of weight draws to average predictions over.
        seed: Seed of folds, training and draws.
        tick: Called after every step.
    """
    held_out = _folds(data.groups.numpy(), wanted, seed)
    kept = [np.setdiff1d(np.arange(len(data)), rows) for rows in held_out]
    parts = [data.rows(torch.as_tensor(rows)) for rows in kept]
    with isolated(seed=derived_seed("fit", seed)):
        members = [build() for _ in held_out]
        for index, (member, part) in enumerate(zip(members, parts, strict=True)):
            if masked:
                member.network.known = part.mask.any(dim=0)
            if member.path is not None:
                left_out = member.path.fit(part.statistics, part.mask, part.targets, part.groups)
                parts[index] = replace(part, offsets=left_out.to(part.offsets))
        train([member.network for member in members], parts, loss, schedule, tick)
    said = [
        raw_draws(member.network, data.statistics, data.mask, n_draws, draw_seed(seed, index)).numpy()
        for index, member in enumerate(members)
    ]
    linear = [_path_of(member, data) for member in members]
    shares = SHARES if members[0].path is not None and len(held_out[0]) else (1.0,)
    offsets = [part.offsets for part in parts]
    found = [_lined(members, data, held_out, kept, offsets, said, linear, share) for share in shares]
    return found[_best([_taus(each.unseen_mean, data, held_out) for each in found])]


def raw_draws(network: AbstractAggregator, statistics: Tensor, mask: Tensor, number: int, seed: int) -> Tensor:
    """Scores of a network under several draws of its weights, `(number, n)`."""
    with isolated(seed=seed), torch.no_grad():
        return torch.stack([each(statistics.double(), mask) for each in network.double().draws(number)])


def draw_seed(seed: int, index: int) -> int:
    """Seed of the weight draws of a member."""
    return derived_seed("draw", seed, index)


def _lined(
    members: Sequence[Member],
    data: Data,
    held_out: Sequence[Rows],
    kept: Sequence[Rows],
    offsets: Sequence[Tensor],
    said: Sequence[Floats],
    linear: Sequence[Floats],
    share: float,
) -> NetworkEnsemble:
    """The ensemble with a given weight of the networks, and lines to the targets."""
    targets = data.targets.numpy().astype(np.float64)
    mean, variance = np.empty((2, len(targets)))
    found = []
    for index, (member, raw, rows) in enumerate(zip(members, said, kept, strict=True)):
        seen = offsets[index].numpy().astype(np.float64) + share * raw.mean(axis=0)[rows]
        slope, intercept = _line(seen, targets[rows])
        # If nothing is held out, predict all rows.
        unseen = held_out[index] if len(held_out[index]) else np.arange(len(targets))
        drawn = slope * (linear[index][unseen] + share * raw[:, unseen]) + intercept
        mean[unseen], variance[unseen] = drawn.mean(axis=0), drawn.var(axis=0)
        found.append(replace(member, share=share, slope=slope, intercept=intercept))
    return NetworkEnsemble(found, mean, variance)


def _path_of(member: Member, data: Data) -> Floats:
    if member.path is None:
        return np.zeros(len(data))
    with torch.no_grad():
        found: Floats = member.path(data.statistics, data.mask).numpy()
    return found


def _taus(predictions: Floats, data: Data, held_out: Sequence[Rows]) -> Floats:
    """Kendall's tau of held-out rows, per fold and group; 0 where undefined."""
    targets, groups = data.targets.numpy(), data.groups.numpy()
    parts = [rows[groups[rows] == each] for rows in held_out for each in np.unique(groups)]
    taus: Floats = np.nan_to_num([kendall_tau_b(predictions[None, rows], targets[rows])[0] for rows in parts])
    return taus


def _best(taus: Sequence[Floats]) -> int:
    """Index of the share with the largest gain over the first, minus the standard error of this gain.

    A gain below its standard error counts as chance (the one-standard-error rule, Breiman 1984).
    """
    gains = [each - taus[0] for each in taus]
    sure = [float(gain.mean() - gain.std() / max(1, len(gain) - 1) ** 0.5) for gain in gains]
    return int(np.argmax(sure))  # the first of equals


def _folds(groups: Rows, wanted: int, seed: int) -> list[Rows]:
    """Rows held out by each network: every row once; no rows with one network, or with too few rows."""
    number = min(wanted, len(groups) // 3)
    if number < 2:
        return [np.zeros(0, dtype=np.int64) for _ in range(wanted)]
    rng = np.random.default_rng(derived_seed("folds", seed))
    order = rng.permutation(len(groups))
    # Dealt group by group, so that all folds contain all groups.
    order = order[np.argsort(groups[order], kind="stable")]
    return [np.sort(order[start::number]) for start in range(number)]


def _line(scores: Floats, targets: Floats) -> tuple[float, float]:
    """Least-squares line from scores to targets; a negative slope, which would reverse the ranking, is set to 0."""
    centred = scores - scores.mean()
    power = float(centred @ centred)
    # Scores that differ only by rounding count as equal; the slope of their line would be random.
    flat = float(np.abs(centred).max()) <= ROUNDING * float(np.abs(scores).max())
    slope = 0.0 if flat else max(0.0, float(centred @ targets) / power)
    return slope, float(targets.mean() - slope * scores.mean())

"""The linear path next to a network: ridge regression on node statistics, and on their pooled values over nodes.

With a few dozen labels, mostly linear relations can be learned. The path learns these in closed form, so that the
network has to learn the residual only (wide and deep, Cheng 2016, https://arxiv.org/abs/1606.07792).
"""

import numpy as np
import torch
from scipy.stats import norm, rankdata
from sklearn.linear_model import RidgeCV
from torch import Tensor, nn

from autoprox.base.arrays import Floats
from autoprox.predict.parzc.scaling import ROUNDING

PENALTIES = np.logspace(-4, 4, 25)
"""Candidate penalties; the total spread of all columns is of order 1."""


class LinearPath(nn.Module):
    """Ridge regression with the penalty of least leave-one-out error.

    There are two families of columns. The first has the statistics of each node, and an indicator of its presence; a
    missing node has the mean over present ones. With `pooled`, the second describes the whole architecture: mean and
    standard deviation of each statistic over its nodes, and the number of nodes.

    Each column is standardised, and each family has a total variance of 1, so that the many columns of nodes do not
    dominate the few pooled ones. A weight common to all nodes is thus penalised less than a deviation of one node
    (partial pooling).

    Two regressions are averaged: one on the targets, which uses their distances, and one on their normal scores, which
    is robust to extreme targets.

    Args:
        nodes: `L`.
        statistics: `S`.
        pooled: True for pooled columns, which are meaningful only if all nodes have comparable statistics.

    Shape:
        statistics `(B, L, S)`, mask `(B, L)` (True for present nodes) -> predictions `(B,)`, in float64.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> statistics = torch.as_tensor(rng.normal(size=(60, 4, 2)))
        >>> mask, groups = torch.ones(60, 4, dtype=torch.bool), torch.zeros(60, dtype=torch.long)
        >>> targets = statistics[:, 1, 0]
        >>> path = LinearPath(nodes=4, statistics=2)
        >>> left_out = path.fit(statistics, mask, (targets - targets.mean()) / targets.std(), groups)
        >>> float(torch.corrcoef(torch.stack([path(statistics, mask), targets]))[0, 1].round(decimals=2))
        1.0
    """

    centre: Tensor
    scale: Tensor
    weight: Tensor
    intercept: Tensor

    def __init__(self, nodes: int, statistics: int, *, pooled: bool = True) -> None:
        super().__init__()
        self.pooled = pooled
        self.families = [nodes * (statistics + 1), *([2 * statistics + 1] if pooled else [])]
        for name in ("centre", "scale", "weight"):
            self.register_buffer(name, torch.zeros(sum(self.families), dtype=torch.float64))
        self.register_buffer("intercept", torch.zeros((), dtype=torch.float64))

    def forward(self, statistics: Tensor, mask: Tensor) -> Tensor:
        """Predicts targets."""
        return self._standardised(self._columns(statistics, mask)) @ self.weight + self.intercept

    @torch.no_grad()
    def fit(self, statistics: Tensor, mask: Tensor, targets: Tensor, groups: Tensor) -> Tensor:
        """Fits the regressions in closed form.

        Args:
            statistics: `(n, L, S)`.
            mask: `(n, L)`.
            targets: `(n,)`, of unit variance.
            groups: `(n,)`, whole numbers; targets are ranked within their group.

        Returns:
            `(n,)`, leave-one-out predictions under the same penalty.
        """
        columns = self._columns(statistics, mask)
        self.centre = columns.nanmean(dim=0).nan_to_num()
        spread = (columns - self.centre).square().nanmean(dim=0).sqrt().nan_to_num()
        sizes = torch.cat([torch.full((size,), float(size), dtype=torch.float64) for size in self.families])
        # Statistics are scaled to unit variance, in float32.
        constant = spread <= ROUNDING * self.centre.abs().clamp(min=1.0)
        self.scale = torch.where(constant, 0.0, 1 / (sizes.sqrt() * spread))
        inputs, values = self._standardised(columns).numpy(), targets.double().numpy()
        fits = [_ridge(inputs, each) for each in (values, normal_scores(values, groups.numpy()))]
        weight, intercept, left_out = (np.mean(each, axis=0) for each in zip(*fits, strict=True))
        self.weight, self.intercept = torch.as_tensor(weight), torch.as_tensor(intercept)
        return torch.as_tensor(left_out)

    def _columns(self, statistics: Tensor, mask: Tensor) -> Tensor:
        """`(B, columns)`, NaN for missing nodes."""
        statistics, there = statistics.double(), mask.unsqueeze(-1)
        found = [torch.where(there, statistics, torch.nan).flatten(1), mask.double()]
        if self.pooled:
            number = there.sum(dim=1)
            mean = torch.where(there, statistics, 0.0).sum(dim=1) / number
            variance = torch.where(there, statistics - mean.unsqueeze(1), 0.0).square().sum(dim=1) / number
            # The small term keeps the derivative of the square root at zero finite.
            found += [mean, (variance + 1e-12).sqrt(), number.double()]
        return torch.cat(found, dim=1)

    def _standardised(self, columns: Tensor) -> Tensor:
        """Standardised columns; 0 (the mean) for missing nodes, and for columns that were constant in the fit."""
        known = (self.scale > 0) & ~columns.isnan()
        return torch.where(known, (torch.where(known, columns, self.centre) - self.centre) * self.scale, 0.0)


def normal_scores(values: Floats, groups: np.ndarray) -> Floats:
    """Normal quantiles of the ranks (Van der Waerden), group by group; ties share the mean of their ranks.

    Example:
        >>> normal_scores(np.array([5.0, 7.0, 100.0]), np.zeros(3, dtype=int)).round(2).tolist()
        [-0.67, 0.0, 0.67]
    """
    scores = np.empty(len(values))
    for group in np.unique(groups):
        own = groups == group
        scores[own] = norm.ppf(rankdata(values[own]) / (own.sum() + 1))
    return scores


def _ridge(inputs: Floats, targets: Floats) -> tuple[Floats, float, Floats]:
    """Weights, intercept and leave-one-out predictions at the best penalty."""
    model = RidgeCV(PENALTIES, scoring="neg_mean_squared_error", store_cv_results=True).fit(inputs, targets)
    best = int(np.argmin(np.abs(PENALTIES - model.alpha_)))
    return model.coef_, float(model.intercept_), model.cv_results_[:, best]

"""Scaling of node statistics: logarithms of heavy-tailed ones, mean 0, standard deviation 1."""

import numpy as np
import numpy.typing as npt

from autoprox.base.arrays import Floats

Booleans = npt.NDArray[np.bool_]

HEAVY_TAILED = 10.0
"""Ratio of largest to smallest value above which a positive statistic is scaled logarithmically."""

ROUNDING = 4 * float(np.finfo(np.float32).eps)
"""Relative spread below which values count as equal: statistics are computed in float32."""


class NodeScaler:
    """Standardises statistics of nodes, with a scale learned from the architectures of the fit.

    A positive statistic that spans more than a decade is scaled logarithmically, since sizes and gradients of networks
    differ by factors. Every statistic then gets mean 0 and standard deviation 1. By default, these are computed over
    all nodes, which preserves differences between nodes; with `per_node`, separately for each node, for columns that
    are different quantities. Missing nodes become 0.

    Args:
        per_node: True for a separate scale per node.

    Example:
        >>> values = np.array([[[1.0], [10.0]], [[100.0], [1000.0]]])
        >>> there = np.ones((2, 2), dtype=bool)
        >>> NodeScaler().fit(values, there).transform(values, there)[:, :, 0].round(2).tolist()
        [[-1.34, -0.45], [0.45, 1.34]]
    """

    def __init__(self, *, per_node: bool = False) -> None:
        self.per_node = per_node
        self.logarithmic: Booleans = np.zeros(0, dtype=bool)
        self.smallest: Floats = np.zeros(0)
        self.centre: Floats = np.zeros((0, 0))
        self.spread: Floats = np.zeros((0, 0))

    def fit(self, values: Floats, mask: Booleans) -> "NodeScaler":
        """Learns the scale.

        Args:
            values: `(n, L, S)`.
            mask: `(n, L)`, True for present nodes.
        """
        real = np.where(mask[:, :, None], values, np.nan)
        axes = (0,) if self.per_node else (0, 1)
        lowest, highest = _defined(np.nanmin, real, axes), _defined(np.nanmax, real, axes)
        self.logarithmic = (lowest > 0) & (highest > HEAVY_TAILED * lowest)
        self.smallest = np.where(self.logarithmic, lowest, 1.0)
        scaled = np.where(mask[:, :, None], self._logarithms(values), np.nan)
        self.centre = _defined(np.nanmean, scaled, axes)
        spread = _defined(np.nanstd, scaled, axes)
        # A constant statistic becomes 0; rounding must not be scaled to unit variance.
        negligible = spread <= ROUNDING * np.maximum(np.abs(lowest), np.abs(highest)) * ~self.logarithmic
        self.spread = np.where(negligible, 1.0, spread)
        return self

    def transform(self, values: Floats, mask: Booleans) -> Floats:
        """Scales statistics `(n, L, S)`; missing nodes become 0."""
        scaled = (self._logarithms(values) - self.centre) / self.spread
        return np.asarray(np.where(mask[:, :, None], scaled, 0.0))

    def _logarithms(self, values: Floats) -> Floats:
        # Values are clipped at a thousandth of the smallest in the fit, so that zero gradients have a logarithm.
        floor = 1e-3 * self.smallest
        return np.where(self.logarithmic, np.log(np.fmax(values, floor)), values)


def _defined(reduce: "np.ufunc | object", values: Floats, axes: tuple[int, ...]) -> Floats:
    """A NaN-aware reduction; 0 where all values are NaN, as for nodes that no architecture has."""
    empty = np.isnan(values).all(axis=axes)
    shown = np.where(np.isnan(values).all(axis=axes, keepdims=True), 0.0, values)
    return np.where(empty, 0.0, reduce(shown, axis=axes))  # type: ignore[operator]

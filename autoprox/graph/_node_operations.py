"""Operations on node values that look at whole architectures: normalisation within one, depth weights, aggregators.

`segments` says how the values fall into architectures: `autoprox.graph._segments.Segments` for flat NumPy arrays of
many, `autoprox.graph.export._runtime.OneNetwork` for torch and the nodes of one. `xp` and `eps` are the module and the
guard, as in `autoprox.graph.operations`.
"""

from typing import Any

SINE_STEP = 0.1
"""Step of the sine weights a node, as in the training-free variant of ParZC (https://arxiv.org/abs/2402.02105)."""

ROUNDING = 1e-12
"""Nodes that differ by less than this share of their size differ by the rounding of float64 alone."""


def node_zscore(values: Any, segments: Any, xp: Any, eps: float) -> Any:
    """(x - mean) / (std + eps) within each architecture; 0 where the nodes differ by rounding alone."""
    centred, spread = deviations(values, segments, xp)
    return centred / segments.expand(spread + eps)


def node_minmax(values: Any, segments: Any, xp: Any, eps: float) -> Any:
    """(x - min) / (max - min + eps) within each architecture; 0 where the nodes differ by rounding alone."""
    low, high = segments.min(values), segments.max(values)
    alike = high - low <= ROUNDING * xp.maximum(xp.abs(low), xp.abs(high))
    return xp.where(segments.expand(alike), 0.0, values - segments.expand(low)) / segments.expand(high - low + eps)


def deviations(values: Any, segments: Any, xp: Any) -> tuple[Any, Any]:
    """Differences from the mean of an architecture, and their root mean square; 0 where it is rounding alone."""
    mean = segments.mean(values)
    centred = values - segments.expand(mean)
    spread = xp.sqrt(segments.mean(centred * centred))
    alike = spread <= ROUNDING * xp.abs(mean)
    return xp.where(segments.expand(alike), 0.0, centred), xp.where(alike, 0.0, spread)


def node_share(values: Any, segments: Any, xp: Any, eps: float) -> Any:
    """Value / (sum of `|x|` over the architecture + eps)."""
    return values / segments.expand(segments.sum(xp.abs(values)) + eps)


def node_rank(values: Any, segments: Any, _xp: Any, _eps: float) -> Any:
    """Rank within the architecture, ties averaged, scaled to (0, 1]."""
    return segments.rank(values)


def node_deep(values: Any, segments: Any, _xp: Any, _eps: float) -> Any:
    """Weighted by the relative depth of the node: the last one counts fully."""
    return values * segments.position


def node_shallow(values: Any, segments: Any, _xp: Any, _eps: float) -> Any:
    """Weighted by one minus the relative depth: the last one counts not at all."""
    return values * (1.0 - segments.position)


def node_sine(values: Any, segments: Any, xp: Any, _eps: float) -> Any:
    """Weighted by (sin(0.1 l) + 1) / 2, with l the index of the node among those that are kept, from 0."""
    return values * ((xp.sin(SINE_STEP * segments.index) + 1.0) / 2.0)


def nodes_sum(values: Any, segments: Any, _xp: Any, _eps: float) -> Any:
    """Sum over the nodes; like the other aggregators, NaN where there is no value."""
    return segments.sum(values)


def nodes_mean(values: Any, segments: Any, _xp: Any, _eps: float) -> Any:
    """Mean over the nodes."""
    return segments.mean(values)


def nodes_max(values: Any, segments: Any, _xp: Any, _eps: float) -> Any:
    """Maximum over the nodes."""
    return segments.max(values)


def nodes_min(values: Any, segments: Any, _xp: Any, _eps: float) -> Any:
    """Minimum over the nodes."""
    return segments.min(values)


def nodes_std(values: Any, segments: Any, xp: Any, _eps: float) -> Any:
    """Population standard deviation over the nodes; 0 where they differ by rounding alone."""
    return deviations(values, segments, xp)[1]


def nodes_logsum(values: Any, segments: Any, xp: Any, eps: float) -> Any:
    """Sum of `ln(|x| + eps)` over the nodes."""
    return segments.sum(xp.log(xp.abs(values) + eps))


def nodes_norm(values: Any, segments: Any, xp: Any, _eps: float) -> Any:
    """Square root of the sum of squares over the nodes."""
    return xp.sqrt(segments.sum(values * values))


def nodes_first(values: Any, segments: Any, _xp: Any, _eps: float) -> Any:
    """Value of the first node."""
    return segments.first(values)


def nodes_last(values: Any, segments: Any, _xp: Any, _eps: float) -> Any:
    """Value of the last node."""
    return segments.last(values)

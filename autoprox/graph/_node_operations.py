"""Operations on the node values of whole architectures: normalisation, depth weights, aggregators.

`segments` divides the values into architectures: `autoprox.graph._segments.Segments` for flat NumPy arrays of many,
`autoprox.graph.export._runtime.OneNetwork` for the nodes of one in torch. `xp` and `eps` are the module and the guard,
as in `autoprox.graph.operations`.
"""

from typing import Any

SINE_STEP = 0.1
"""Step of the sine weights per node, as in the training-free variant of ParZC (https://arxiv.org/abs/2402.02105)."""

ROUNDING = 1e-12
"""Relative differences of nodes below this are rounding errors of float64."""


def node_zscore(values: Any, segments: Any, xp: Any, eps: float) -> Any:
    """(x - mean) / (std + eps) within each architecture; 0 where the nodes differ only by rounding."""
    centred, spread = deviations(values, segments, xp)
    return centred / segments.expand(spread + eps)


def node_minmax(values: Any, segments: Any, xp: Any, eps: float) -> Any:
    """(x - min) / (max - min + eps) within each architecture; 0 where the nodes differ only by rounding."""
    low, high = segments.min(values), segments.max(values)
    alike = high - low <= ROUNDING * xp.maximum(xp.abs(low), xp.abs(high))
    return xp.where(segments.expand(alike), 0.0, values - segments.expand(low)) / segments.expand(high - low + eps)


def deviations(values: Any, segments: Any, xp: Any) -> tuple[Any, Any]:
    """Differences from the mean of an architecture, and their root mean square; 0 where they are only rounding."""
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
    """Value times the relative depth of the node, which is 1 for the last."""
    return values * segments.position


def node_shallow(values: Any, segments: Any, _xp: Any, _eps: float) -> Any:
    """Value times one minus the relative depth of the node, which is 0 for the last."""
    return values * (1.0 - segments.position)


def node_sine(values: Any, segments: Any, xp: Any, _eps: float) -> Any:
    """Value times (sin(0.1 l) + 1) / 2, with l the index of the node among the selected ones, from 0."""
    return values * ((xp.sin(SINE_STEP * segments.place) + 1.0) / 2.0)


def nodes_sum(values: Any, segments: Any, _xp: Any, _eps: float) -> Any:
    """Sum over the nodes; NaN without nodes, like the other aggregators."""
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
    """Population standard deviation over the nodes; 0 where they differ only by rounding."""
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

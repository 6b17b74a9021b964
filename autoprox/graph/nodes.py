"""Operations on node values that look at whole architectures: normalisation within one, depth weights, aggregators."""

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.graph.operations import FLOAT64_EPS
from autoprox.graph.segments import Segments

SINE_STEP = 0.1
"""Step of the sine weights a node, as in the training-free variant of ParZC (https://arxiv.org/abs/2402.02105)."""


def zscore(values: Floats, segments: Segments) -> Floats:
    """(x - mean) / (std + 1e-30) within each architecture."""
    centred = values - segments.expand(segments.mean(values))
    spread = np.sqrt(segments.mean(centred * centred))
    return centred / segments.expand(spread + FLOAT64_EPS)


def minmax(values: Floats, segments: Segments) -> Floats:
    """(x - min) / (max - min + 1e-30) within each architecture."""
    low = segments.min(values)
    return (values - segments.expand(low)) / segments.expand(segments.max(values) - low + FLOAT64_EPS)


def share(values: Floats, segments: Segments) -> Floats:
    """Value / (sum of `|x|` over the architecture + 1e-30)."""
    return values / segments.expand(segments.sum(np.abs(values)) + FLOAT64_EPS)


def rank(values: Floats, segments: Segments) -> Floats:
    """Rank within the architecture, ties averaged, scaled to (0, 1]."""
    return segments.rank(values)


def deep(values: Floats, segments: Segments) -> Floats:
    """Weighted by the relative depth of the node: the last one counts fully."""
    return values * segments.position


def shallow(values: Floats, segments: Segments) -> Floats:
    """Weighted by one minus the relative depth: the last one counts not at all."""
    return values * (1.0 - segments.position)


def sine(values: Floats, segments: Segments) -> Floats:
    """Weighted by (sin(0.1 l) + 1) / 2, with l the index of the node among those that are kept, from 0."""
    index = np.arange(values.size) - np.repeat(segments.starts, segments.lengths)
    weights: Floats = (np.sin(SINE_STEP * index) + 1.0) / 2.0
    return values * weights


def nodes_sum(values: Floats, segments: Segments) -> Floats:
    """Sum over the nodes."""
    return segments.sum(values)


def nodes_mean(values: Floats, segments: Segments) -> Floats:
    """Mean over the nodes."""
    return segments.mean(values)


def nodes_max(values: Floats, segments: Segments) -> Floats:
    """Maximum over the nodes."""
    return segments.max(values)


def nodes_min(values: Floats, segments: Segments) -> Floats:
    """Minimum over the nodes."""
    return segments.min(values)


def nodes_std(values: Floats, segments: Segments) -> Floats:
    """Population standard deviation over the nodes."""
    return segments.std(values)


def nodes_logsum(values: Floats, segments: Segments) -> Floats:
    """Sum of `ln(|x| + 1e-30)` over the nodes."""
    return segments.sum(np.log(np.abs(values) + FLOAT64_EPS))


def nodes_norm(values: Floats, segments: Segments) -> Floats:
    """Square root of the sum of squares over the nodes."""
    return np.sqrt(segments.sum(values * values))


def nodes_first(values: Floats, segments: Segments) -> Floats:
    """Value of the first node."""
    return segments.first(values)


def nodes_last(values: Floats, segments: Segments) -> Floats:
    """Value of the last node."""
    return segments.last(values)

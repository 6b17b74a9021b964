"""Static pass: values are read from the modules without running the model."""

from collections.abc import Sequence

import torch
from torch import Tensor

from autoprox.inspect.batch import model_weight
from autoprox.inspect.nodes import Site
from autoprox.statistics._node_counts import Count
from autoprox.statistics.statistic import Given, Observation, Pass, Values


def run_static(_pass: Pass, given: Given, wanted: Sequence[Observation]) -> Values:
    """Weights, and counts that need no calls."""
    return {
        each.name: static_weights(given) if each.count is None else static_counts(given, each.site, each.count)
        for each in wanted
    }


def static_weights(given: Given) -> list[Tensor]:
    """Weights of the linear nodes, copied, for the model may go on to be trained."""
    return [model_weight(node.module).detach().clone() for node in given.at(Site.LINEAR)]


def static_counts(given: Given, site: Site, count: Count) -> Tensor:
    """Counts that need no calls, of the nodes of a site."""
    return torch.tensor([count(node.module, (), 0) for node in given.at(site)], dtype=torch.float64)

"""Weights of nodes for differentiation, each once, even if several nodes share it."""

from collections.abc import Sequence

from torch import Tensor, nn

from autoprox.inspect.nodes import Site
from autoprox.statistics._watch import weight_parameter
from autoprox.statistics.statistic import Given


def node_weights(given: Given) -> list[nn.Parameter]:
    """Returns the distinct weights of the linear nodes.

    Raises:
        CollectionError: If one is computed from other parameters.
    """
    return list({id(each): each for each in map(weight_parameter, given.at(Site.LINEAR))}.values())


def at_nodes(given: Given, weights: Sequence[nn.Parameter], values: Sequence[Tensor]) -> list[Tensor]:
    """Returns the value of each linear node's weight."""
    by_weight = {id(weight): value for weight, value in zip(weights, values, strict=True)}
    return [by_weight[id(weight_parameter(node))] for node in given.at(Site.LINEAR)]

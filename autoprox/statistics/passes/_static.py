"""Static pass: values are read from the modules without running the model."""

from collections.abc import Sequence

import torch

from autoprox.inspect.batch import model_weight
from autoprox.statistics.statistic import Given, Pass, Statistic, Values


def run_static(_pass: Pass, given: Given, wanted: Sequence[Statistic]) -> Values:
    """Returns copies of weights, because the model may be trained later, and counts that need no calls."""
    found: Values = {}
    for each in wanted:
        at = given.at(each.site)
        if each.count is None:
            found[each.name] = [model_weight(node.module).detach().clone() for node in at]
        else:
            found[each.name] = torch.tensor([each.count(node.module, (), 0) for node in at], dtype=torch.float64)
    return found

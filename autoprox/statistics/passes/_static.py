"""Static pass: values are read off the modules, nothing is run."""

from collections.abc import Sequence

import torch

from autoprox.inspect.batch import model_weight
from autoprox.statistics.statistic import Given, Pass, Statistic, Values


def run_static(_pass: Pass, given: Given, wanted: Sequence[Statistic]) -> Values:
    """Weights, copied, for the model may go on to be trained; and counts that need no calls."""
    found: Values = {}
    for each in wanted:
        at = given.at(each.site)
        if each.count is None:
            found[each.name] = [model_weight(node.module).detach().clone() for node in at]
        else:
            found[each.name] = torch.tensor([each.count(node.module, (), 0) for node in at], dtype=torch.float64)
    return found

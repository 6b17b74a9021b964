"""What is read off the modules: nothing is run."""

from collections.abc import Sequence

import torch

from autoprox.inspect.batch import model_weight
from autoprox.statistics.statistic import Given, Pass, Statistic, Taken


def run_static(_pass: Pass, given: Given, wanted: Sequence[Statistic]) -> Taken:
    """Weights, copied, for the model may go on to be trained; and counts that need no calls."""
    taken = Taken({}, {})
    for each in wanted:
        at = given.at(each.site)
        if each.count is None:
            taken.tensors[each.name] = [model_weight(node.module).detach().clone() for node in at]
        else:
            taken.counts[each.name] = torch.tensor([each.count(node.module, (), 0) for node in at], dtype=torch.float64)
    return taken

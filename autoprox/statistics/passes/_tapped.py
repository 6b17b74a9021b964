"""Forward, and backward if a gradient is wanted, with taps at the nodes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from autoprox.inspect.nodes import Node
from autoprox.statistics._taps import Taps
from autoprox.statistics.passes._parameters import substitute
from autoprox.statistics.passes.losses import loss_value
from autoprox.statistics.statistic import Given, Pass, Stage, Statistic, Values


def run_tapped(pass_: Pass, given: Given, wanted: Sequence[Statistic]) -> Values:
    """One forward pass with taps and, if a gradient is wanted, one backward pass.

    Gradients are recorded in the forward pass whether or not they are wanted: with recording off torch may choose fused
    kernels that pass the nodes by, and a value must not depend on what else was asked for.
    """
    substitute(given.model, pass_)
    taps = Taps(given.nodes, wanted)
    with taps.attached():
        output = given.model(_images(pass_, given))
    if not taps.settled():
        # Seldom: a model that works in place on what a node takes or gives. The forward pass is run once more, with
        # copies; to copy always would cost time and memory with all other models.
        taps = Taps(given.nodes, wanted, protect=True)
        with taps.attached():
            output = given.model(_images(pass_, given))
        taps.settled()
    if any(each.stage is Stage.BACKWARD for each in wanted):
        taps.differentiate(loss_value(output, given.labels, pass_.loss or given.loss))
    found: Values = {}
    for each in wanted:
        at = given.at(each.site)
        if each.count is None:
            found[each.name] = [_tapped(each, node, taps) for node in at]
        else:
            counted = [each.count(node.module, taps.shapes(node), len(given.images)) for node in at]
            found[each.name] = torch.tensor(counted, dtype=torch.float64)
    return found


def _images(pass_: Pass, given: Given) -> Tensor:
    """Input of the model; never the caller's own tensor, into which it may write."""
    images = given.images.clone() if pass_.images is None else pass_.images(given.images)
    return images.to(pass_.dtype)


def _tapped(statistic: Statistic, node: Node, taps: Taps) -> Tensor:
    assert statistic.tap is not None
    backward = statistic.stage is Stage.BACKWARD
    return taps.gradient(node, statistic.tap) if backward else taps.value(node, statistic.tap)

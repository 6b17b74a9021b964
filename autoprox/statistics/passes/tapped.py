"""Forward, and backward if a gradient is wanted, with taps at the nodes."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from autoprox.inspect.nodes import Node, Site
from autoprox.statistics._taps import Taps
from autoprox.statistics._watch import OutputShapes, Watch, weight_gradients
from autoprox.statistics.passes._parameters import substitute
from autoprox.statistics.passes.losses import loss_value
from autoprox.statistics.statistic import Given, Pass, Stage, Statistic, Tap, Values


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
            found[each.name] = _counted(each, given, taps)
    return found


def run_counted(_pass: Pass, given: Given, wanted: Sequence[Statistic]) -> Values:
    """As `run_tapped`, where counts alone are wanted, of the batch as it is."""
    shapes = OutputShapes(given.nodes, {each.site for each in wanted})
    with shapes.attached():
        given.model(given.images.clone())
    return {each.name: _counted(each, given, shapes) for each in wanted}


def run_weighed(pass_: Pass, given: Given, wanted: Sequence[Statistic]) -> Values:
    """As `run_tapped`, where gradients of weights alone are wanted."""
    substitute(given.model, pass_)
    with Watch(given.nodes).attached():
        output = given.model(_images(pass_, given))
    loss = loss_value(output, given.labels, pass_.loss or given.loss)
    gradients = weight_gradients(loss, given.at(Site.LINEAR))
    return {each.name: gradients for each in wanted}


def narrowest(pass_: Pass, wanted: Sequence[Statistic]) -> Callable[[Pass, Given, Sequence[Statistic]], Values]:
    """The narrowest function that runs a pass for these statistics, with the same values as `run_tapped`.

    Example:
        >>> from autoprox.statistics import STATISTICS
        >>> macs, gradient = STATISTICS["macs"], STATISTICS["weight_grad"]
        >>> [narrowest(macs.pass_, each).__name__ for each in ([macs], [gradient], [macs, gradient])]
        ['run_counted', 'run_weighed', 'run_tapped']
    """
    if pass_.run is not run_tapped:
        return pass_.run
    if all(each.count is not None for each in wanted) and not (pass_.images or pass_.parameters or pass_.dtype):
        return run_counted
    if all(each.tap is Tap.WEIGHT and each.site is Site.LINEAR for each in wanted):
        return run_weighed
    return run_tapped


def _counted(statistic: Statistic, given: Given, shapes: OutputShapes) -> Tensor:
    assert statistic.count is not None
    nodes, images = given.at(statistic.site), len(given.images)
    counts = [statistic.count(node.module, shapes.shapes(node), images) for node in nodes]
    return torch.tensor(counts, dtype=torch.float64)


def _images(pass_: Pass, given: Given) -> Tensor:
    """Input of the model; never the caller's own tensor, into which it may write."""
    images = given.images.clone() if pass_.images is None else pass_.images(given.images)
    return images.to(pass_.dtype)


def _tapped(statistic: Statistic, node: Node, taps: Taps) -> Tensor:
    assert statistic.tap is not None
    backward = statistic.stage is Stage.BACKWARD
    return taps.gradient(node, statistic.tap) if backward else taps.value(node, statistic.tap)

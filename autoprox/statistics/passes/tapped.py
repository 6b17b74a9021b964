"""Forward pass with taps at the nodes, and backward pass if a gradient is requested."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from autoprox.inspect.nodes import Node, Site
from autoprox.statistics._taps import Taps
from autoprox.statistics._watch import OutputShapes, Watch
from autoprox.statistics.passes._node_weights import at_nodes, node_weights
from autoprox.statistics.passes.losses import loss_value
from autoprox.statistics.statistic import Given, Observation, Pass, Stage, Tap, Values


def run_tapped(pass_: Pass, given: Given, wanted: Sequence[Observation]) -> Values:
    """Runs one forward pass with taps and, if a gradient is requested, one backward pass.

    The forward pass always records gradients: without recording, torch may choose fused kernels that bypass the nodes,
        and a value must not depend on the other requested statistics.
    """
    if pass_.replace is not None:
        pass_.replace(given.model)
    taps = Taps(given.model, given.nodes, wanted)
    with taps.watching():
        output = given.model(_images(pass_, given))
    if not taps.settled():
        # Rare: a model that modifies the input or output of a node in place. The forward pass is repeated with copies;
        # copying always would cost time and memory for all other models.
        taps = Taps(given.model, given.nodes, wanted, protect=True)
        with taps.watching():
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


def run_counted(_pass: Pass, given: Given, wanted: Sequence[Observation]) -> Values:
    """Does the same as `run_tapped` if only counts on the unchanged batch are requested."""
    shapes = OutputShapes(given.model, given.nodes, {each.site for each in wanted})
    with shapes.watching():
        given.model(given.images.clone())
    return {each.name: _counted(each, given, shapes) for each in wanted}


def run_weighed(pass_: Pass, given: Given, wanted: Sequence[Observation]) -> Values:
    """Does the same as `run_tapped` if only gradients of weights are requested."""
    if pass_.replace is not None:
        pass_.replace(given.model)
    with Watch(given.model, given.nodes).watching():
        output = given.model(_images(pass_, given))
    loss = loss_value(output, given.labels, pass_.loss or given.loss)
    weights = node_weights(given)
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    # What the loss does not depend on has the gradient zero.
    filled = [torch.zeros_like(w) if g is None else g for w, g in zip(weights, found, strict=True)]
    gradients = at_nodes(given, weights, filled)
    return {each.name: gradients for each in wanted}


def narrowest(pass_: Pass, wanted: Sequence[Observation]) -> Callable[[Pass, Given, Sequence[Observation]], Values]:
    """Returns the simplest function that runs a pass for these statistics, with the same values as `run_tapped`.

    Example:
        >>> from autoprox.statistics import STATISTICS
        >>> macs, gradient = STATISTICS["macs"], STATISTICS["weight_grad"]
        >>> [narrowest(macs.pass_, each).__name__ for each in ([macs], [gradient], [macs, gradient])]
        ['run_counted', 'run_weighed', 'run_tapped']
    """
    if pass_.run is not run_tapped:
        return pass_.run
    if all(each.count is not None for each in wanted) and not (pass_.images or pass_.replace or pass_.dtype):
        return run_counted
    if all(each.tap is Tap.WEIGHT and each.site is Site.LINEAR for each in wanted):
        return run_weighed
    return run_tapped


def _counted(observation: Observation, given: Given, shapes: OutputShapes) -> Tensor:
    assert observation.count is not None
    nodes, images = given.at(observation.site), len(given.images)
    counts = [observation.count(node.module, shapes.shapes(node), images) for node in nodes]
    return torch.tensor(counts, dtype=torch.float64)


def _images(pass_: Pass, given: Given) -> Tensor:
    """Returns the input of the model; a copy, because the model may modify it."""
    images = given.images.clone() if pass_.images is None else pass_.images(given.images)
    return images.to(pass_.dtype)


def _tapped(observation: Observation, node: Node, taps: Taps) -> Tensor:
    assert observation.tap is not None
    return (taps.gradient if observation.stage is Stage.BACKWARD else taps.value)(node, observation.tap)

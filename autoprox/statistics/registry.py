"""What a statistic is, and the list of all of them.

The names t1 to t4 of the published engines, with a suffix g for gradients, mean here: t1 `activation`, t2 `weight`,
t3 `input`, t4 `norm_output` (facts in Wei 2024, https://arxiv.org/abs/2312.09059, and the authors' later code).
"""

from dataclasses import dataclass
from enum import StrEnum

from autoprox.models.nodes import Site
from autoprox.registry import Registry
from autoprox.statistics import counts
from autoprox.statistics.counts import Count


class StatisticKind(StrEnum):
    """What a statistic gives for a node."""

    TENSOR = "tensor"
    COUNT = "count"


class Pass(StrEnum):
    """What has to be run for a statistic. A collection runs the dearest of what it was asked for, once."""

    STATIC = "static"
    """Nothing: it is read off the module."""
    FORWARD = "forward"
    """The batch forward."""
    BACKWARD = "backward"
    """The batch forward, and the loss backward."""


class Tap(StrEnum):
    """Which tensor of a node is taken; in the backward pass, the gradient of the loss with respect to it."""

    WEIGHT = "weight"
    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Statistic:
    """One tensor, or one float, for every node of a site.

    Args:
        name: What it is called in graphs.
        kind: Tensor or count.
        site: Which modules have it.
        shape: Shape class. Two tensor statistics of one site and shape class have, node by node, tensors of the same
            shape. Empty for counts.
        pass_: What has to be run.
        source: Where it comes from.
        version: To be raised when its values change: results that are stored under another version are not used.
        tap: Which tensor it takes; None for counts.
        count: How it is counted; None for tensors.

    Example:
        >>> weight = STATISTICS["weight_grad"]
        >>> weight.kind.value, weight.site.value, weight.shape, weight.pass_.value
        ('tensor', 'linear', 'weight', 'backward')
    """

    name: str
    kind: StatisticKind
    site: Site
    shape: str
    pass_: Pass
    source: str
    version: int = 1
    tap: Tap | None = None
    count: Count | None = None


STATISTICS: Registry[Statistic] = Registry("statistic")
"""All statistics, by name."""


def _register_tensors(name: str, site: Site, shape: str, tap: Tap, source: str) -> None:
    """Registers a tensor and, as `<name>_grad`, the gradient of the loss with respect to it."""
    value_pass = Pass.STATIC if tap is Tap.WEIGHT else Pass.FORWARD
    for suffix, pass_, of in (("", value_pass, ""), ("_grad", Pass.BACKWARD, "gradient of the loss at: ")):
        statistic = Statistic(name + suffix, StatisticKind.TENSOR, site, shape, pass_, of + source, tap=tap)
        STATISTICS.register(statistic.name, statistic)


def _register_count(name: str, site: Site, pass_: Pass, count: Count, source: str) -> None:
    STATISTICS.register(name, Statistic(name, StatisticKind.COUNT, site, "", pass_, source, count=count))


_register_tensors("weight", Site.LINEAR, "weight", Tap.WEIGHT, "weight, t2 of Auto-Prox")
_register_tensors("input", Site.LINEAR, "input", Tap.INPUT, "what the layer is applied to, t3 of Auto-Prox")
_register_tensors("output", Site.LINEAR, "output", Tap.OUTPUT, "pre-activation (EZNAS, Akhauri 2022)")
_register_tensors("attention", Site.ATTENTION, "attention", Tap.OUTPUT, "attention probabilities")
_register_tensors("norm_output", Site.NORM, "norm", Tap.OUTPUT, "output of a normalisation, t4 of Auto-Prox")
_register_tensors("activation", Site.ACTIVATION, "activation", Tap.OUTPUT, "output of an activation, t1 of Auto-Prox")

_register_count("params", Site.LINEAR, Pass.STATIC, counts.params, "elements of weight and bias")
_register_count("fan_in", Site.LINEAR, Pass.STATIC, counts.fan_in, "torch.nn.init")
_register_count("fan_out", Site.LINEAR, Pass.STATIC, counts.fan_out, "torch.nn.init")
_register_count("tokens", Site.LINEAR, Pass.FORWARD, counts.tokens, "positions of one image")
_register_count("macs", Site.LINEAR, Pass.FORWARD, counts.macs, "multiply-accumulates of one image, without bias")
_register_count("attention_heads", Site.ATTENTION, Pass.FORWARD, counts.maps, "heads")
_register_count("attention_tokens", Site.ATTENTION, Pass.FORWARD, counts.last_size, "keys")
_register_count("norm_width", Site.NORM, Pass.FORWARD, counts.last_size, "width of a token")
_register_count("norm_tokens", Site.NORM, Pass.FORWARD, counts.rows, "tokens of one image")
_register_count("activation_width", Site.ACTIVATION, Pass.FORWARD, counts.last_size, "width of a token")
_register_count("activation_tokens", Site.ACTIVATION, Pass.FORWARD, counts.rows, "tokens of one image")

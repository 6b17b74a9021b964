"""Nodes that a forward pass calls, in order; `autoprox.inspect._flow` also records their inputs."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from autoprox.inspect.functions import FUNCTION_SITES, FUSED_ATTENTION, CallMode, Function
from autoprox.inspect.nodes import Call, Site, site_of

Mark = tuple[str, str]
"""A site and the name of its node, or another kind of mark of `autoprox.inspect._flow` and a name."""

Marks = frozenset[Mark]
NO_MARKS: Marks = frozenset()


@dataclass(slots=True)
class Step:
    """A node as recorded in a forward pass.

    Args:
        name: As in `autoprox.inspect.nodes.Node`.
        path: Name of its module, or of the module with the calling forward pass.
        module: As in `Node`.
        site: Kind of node.
        call: As in `Node`; also set if a function used the weight of a module outside its forward pass.
        reads: Marks of its inputs, over all its calls.
        operands: Marks of queries, keys and values, for attention.
        unseen: True if an input depends on the images in a way that the marks do not show.
    """

    name: str
    path: str
    module: nn.Module
    site: Site
    call: Call | None
    reads: Marks = NO_MARKS
    operands: list[Marks] = field(default_factory=list)
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """A recorded forward pass.

    Args:
        steps: Every called node by name, in the order of first calls. An undeclared softmax is included only if its
            result is multiplied with values.
        gives: Marks of the network's output.
    """

    steps: dict[str, Step]
    gives: Marks


def called(network: nn.Module, images: Tensor) -> Flow:
    """Runs a network once and records the nodes that it calls, without marks. Nothing is restored.

    Only fused attention is recorded, because marks are needed to recognise a softmax as attention.

    Args:
        network: The network.
        images: Its input.

    Example:
        >>> import torch
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.GELU(), nn.Linear(3, 2))
        >>> list(called(network, torch.ones(1, 1, 2, 2)).steps)
        ['1', '2', '3']
    """
    recorder = Recorder(network)
    recorder.run(leaf_of(images).clone())
    return Flow(recorder.steps, NO_MARKS)


def leaf_of(images: Tensor) -> Tensor:
    """Returns the images as a leaf tensor with gradients; run the network only on a copy, which it may modify."""
    return images.detach().requires_grad_() if images.is_floating_point() else images


class Recorder:
    """Records the nodes that a forward pass calls.

    Args:
        network: The network.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._names = {id(module): name for name, module in network.named_modules()}
        self._weights: dict[int, tuple[nn.Module, str]] = {}
        for module in network.modules():
            for name, parameter in module._parameters.items():
                if parameter is not None:
                    self._weights.setdefault(id(parameter), (module, name))
        self.steps: dict[str, Step] = {}

    def run(self, images: Tensor) -> Any:
        """Runs the network and returns its output."""
        mode = CallMode(self._network, self._function)
        hooks = [
            module.register_forward_hook(self._module, with_kwargs=True)
            for module in self._network.modules()
            if site_of(module) is not None
        ]
        try:
            with mode.attached():
                return self._network(images)
        finally:
            for hook in hooks:
                hook.remove()

    def _module(self, module: nn.Module, _args: Any, _kwargs: Any, _output: Any) -> None:
        """Called after a module that is a node."""
        if site_of(module) is not Site.ATTENTION:
            self._module_step(module)

    def _function(
        self, mode: CallMode, function: Function, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Calls a function."""
        if name == FUSED_ATTENTION or FUNCTION_SITES.get(name, Site.ATTENTION) is not Site.ATTENTION:
            self._function_step(mode, name, args, kwargs)
        return function(*args, **kwargs)

    def _module_step(self, module: nn.Module) -> Step:
        """Returns the step of a module."""
        site, name = site_of(module), self._names[id(module)]
        assert site is not None
        return self.steps.setdefault(name, Step(name, name, module, site, None))

    def _function_step(self, mode: CallMode, function: str, args: Any, kwargs: Any) -> Step | None:
        """Returns the step of a function call; None if the call is not a node."""
        if mode.closed or function not in FUNCTION_SITES:
            return None
        site, owner = FUNCTION_SITES[function], mode.owner
        if site is Site.LINEAR:
            given = dict(zip(("input", "weight", "bias"), args, strict=False)) | kwargs
            return self._weighted_step(function, given["weight"], given.get("bias"))
        index = mode.count(function)
        path = self._names[id(owner)]
        name = f"{path}:{function}" if index == 0 else f"{path}:{function}:{index + 1}"
        call = Call(self._network, owner, function, index)
        return self.steps.setdefault(name, Step(name, path, nn.Module(), site, call))

    def _weighted_step(self, function: str, weight: Any, bias: Any) -> Step | None:
        """Returns the step of a function call with a weight: a bypassed layer, or a separate parameter."""
        weight = whole(weight)
        if id(weight) not in self._weights:
            return None
        holder, attribute = self._weights[id(weight)]
        path = self._names[id(holder)]
        if site_of(holder) is Site.LINEAR and attribute == "weight":
            step = self.steps.setdefault(path, Step(path, path, holder, Site.LINEAR, None))
            step.call = Call(self._network, holder, function, 0, attribute)
            return step
        name = f"{path}.{attribute}" if path else attribute
        call = Call(self._network, holder, function, 0, attribute)
        return self.steps.setdefault(name, Step(name, path, stand_in(weight, bias), Site.LINEAR, call))


def whole(weight: Tensor) -> Tensor:
    """Returns the parameter that contains a weight: torch's cross-attention uses its single projection in parts.

    Example:
        >>> weight = nn.Linear(2, 6).weight
        >>> whole(weight.split(2)[0]) is whole(weight) is weight
        True
    """
    base = weight._base
    return base if isinstance(base, nn.Parameter) else weight


def stand_in(weight: nn.Parameter, bias: Any) -> nn.Module:
    """Makes a module outside the network with the parameters of a function call.

    Args:
        weight: The parameter, shared with the module.
        bias: A shared parameter, a part of one (as a view), or None.

    Example:
        >>> attention = nn.MultiheadAttention(4, 2)
        >>> module = stand_in(attention.in_proj_weight, attention.in_proj_bias)
        >>> [(name, tuple(held.shape)) for name, held in module.named_parameters()]
        [('weight', (12, 4)), ('bias', (12,))]
    """
    module = nn.Module()
    module.register_parameter("weight", weight)
    if isinstance(bias, Tensor) and not isinstance(bias, nn.Parameter):
        all_of_it = whole(bias)
        matches = isinstance(all_of_it, nn.Parameter) and len(all_of_it) == len(weight)
        bias = all_of_it if matches else nn.Parameter(bias.detach(), requires_grad=False)
    module.register_parameter("bias", bias)
    return module

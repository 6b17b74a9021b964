"""Nodes that a forward pass calls, in their order; `autoprox.inspect._flow` follows what they read as well."""

import types
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from autoprox.base.errors import CollectionError
from autoprox.inspect.functions import COMPOSITE, FUNCTION_SITES, FUSED_ATTENTION, Function
from autoprox.inspect.nodes import Node, Role, Site, site_of


class Observer(TorchFunctionMode):
    """Sees the nodes of a network while it runs: modules by hooks, calls of functions in a mode.

    Args:
        network: The network.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network
        self._paths = {id(module): name for name, module in network.named_modules()}
        self._running = [(network, Counter[str]())]
        self._weights: dict[int, tuple[nn.Module, str]] = {}

    @contextmanager
    def attached(self, *, functions: bool = True) -> Iterator[None]:
        """Watches the network; the hooks, behind those that it has, are removed whatever happens.

        Args:
            functions: True if calls of functions are nodes as well, which takes time to see.
        """
        with ExitStack() as stack:
            for module in self._network.modules():
                if functions:
                    for name, parameter in module._parameters.items():
                        self._weights.setdefault(id(parameter), (module, name))
                if functions or self._records(module):
                    stack.callback(module.register_forward_pre_hook(self._enter, with_kwargs=True).remove)
                    stack.callback(module.register_forward_hook(self._leave, with_kwargs=True).remove)
            if functions:
                stack.enter_context(self)
            yield

    def _records(self, _module: nn.Module) -> bool:
        """True if calls of a module are recorded; with functions every call is, since it may surround some."""
        return False

    def _enter(self, module: nn.Module, _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> Any:
        self._running.append((module, Counter()))

    def _leave(self, _module: nn.Module, _args: tuple[Any, ...], _kwargs: dict[str, Any], _output: Any) -> Any:
        self._running.pop()

    def __torch_function__(
        self, func: Function, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "").removeprefix("special_")
        if name == COMPOSITE:
            with self:
                return _opened(func)(*args, **(kwargs or {}))
        # The in-place form counts as the same function.
        return self._function(func, name if name.endswith("__") else name.rstrip("_"), args, dict(kwargs or {}))

    def _function(self, function: Function, _name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a function; functions that it calls are not seen."""
        return function(*args, **kwargs)

    def _called(self, function: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, nn.Module, str]:
        """Name of the node that a call of a function may be, holder and attribute; the name is empty without a node.

        Ask exactly once per call. A call inside a module that is a node is internal to it. Calls inside custom kernels
        (`torch.autograd.Function`) do not count either, because gradients do not flow through them.
        """
        owner, counts = self._running[-1]
        if function not in FUNCTION_SITES or site_of(owner) is not None or not torch.is_grad_enabled():
            return "", owner, ""
        if FUNCTION_SITES[function] is Site.LINEAR:
            weight = whole(kwargs["weight"] if "weight" in kwargs else args[1])
            holder, attribute = self._weights.get(id(weight), (owner, ""))
            path = self._paths[id(holder)]
            if not attribute or (site_of(holder) is Site.LINEAR and attribute == "weight"):
                return path if attribute else "", holder, attribute
            return f"{path}.{attribute}" if path else attribute, holder, attribute
        counts[function] += 1
        number = f":{counts[function]}" if counts[function] > 1 else ""
        return f"{self._paths[id(owner)]}:{function}{number}", owner, ""


def called(network: nn.Module, images: Tensor) -> list[Node]:
    """Runs a network once and notes the nodes that it calls, in the order of first calls. Nothing is restored.

    Of attention, the fused calls alone are noted: whether a softmax is one depends on what is done with it.

    Example:
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.GELU(), nn.Linear(3, 2))
        >>> [node.name for node in called(network, torch.ones(1, 1, 2, 2))]
        ['1', '2', '3']
    """
    recorder = Recorder(network)
    with recorder.attached():
        network(leaf_of(images).clone())
    return list(recorder.found.values())


class Recorder(Observer):
    """Notes the nodes that a forward pass calls, with the role OTHER.

    Args:
        network: The network.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.found: dict[str, Node] = {}

    def _leave(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        super()._leave(module, args, kwargs, output)
        if site_of(module) not in (None, Site.ATTENTION):
            self._note(module)

    def _function(self, function: Function, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name == FUSED_ATTENTION or FUNCTION_SITES.get(name) is not Site.ATTENTION:
            self._note_call(name, args, kwargs)
        return function(*args, **kwargs)

    def _note(self, module: nn.Module) -> Node:
        """The node that a module is."""
        site, name = site_of(module), self._paths[id(module)]
        assert site is not None
        return self.found.setdefault(name, Node(name, module, site, Role.OTHER))

    def _note_call(self, function: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Node | None:
        """The node that a call of a function is, if it is one."""
        name, holder, attribute = self._called(function, args, kwargs)
        if not name:
            return None
        module = nn.Module()
        if attribute == "weight" and site_of(holder) is Site.LINEAR:
            module = holder  # a layer that was passed by
        elif attribute:
            given = dict(zip(("input", "weight", "bias"), args, strict=False)) | kwargs
            module = stand_in(whole(given["weight"]), given.get("bias"))
        node = Node(name, module, FUNCTION_SITES[function], Role.OTHER, holder=holder, attribute=attribute)
        if name in self.found and module is not holder:
            return self.found[name]
        self.found[name] = node
        return node


def leaf_of(images: Tensor) -> Tensor:
    """The images as a tensor from which gradients can be followed; a network may write into a copy of it alone."""
    return images.detach().requires_grad_() if images.is_floating_point() else images


def whole(weight: Tensor) -> Tensor:
    """Returns the parameter that contains a weight: torch's cross-attention uses its single projection in parts.

    Example:
        >>> weight = nn.Linear(2, 6).weight
        >>> whole(weight.split(2)[0]) is whole(weight) is weight
        True
    """
    base = weight._base
    return base if isinstance(base, nn.Parameter) else weight


def stand_in(weight: Any, bias: Any) -> nn.Module:
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
    if isinstance(bias, Tensor) and not isinstance(bias, nn.Parameter):
        all_of_it = whole(bias)
        matches = isinstance(all_of_it, nn.Parameter) and len(all_of_it) == len(weight)
        bias = all_of_it if matches else nn.Parameter(bias.detach(), requires_grad=False)
    module._parameters.update(weight=weight, bias=bias)
    return module


def _opened(function: Function) -> Function:
    """Returns the same function without its check for a mode, so that the mode intercepts its inner calls."""
    if not isinstance(function, types.FunctionType) or "has_torch_function" not in function.__code__.co_names:
        raise CollectionError(
            f"The {COMPOSITE} of torch {torch.__version__} is not supported; install a supported version."
        )
    names = {**function.__globals__, "has_torch_function": lambda _: False}
    opened = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    opened.__kwdefaults__ = function.__kwdefaults__
    return opened

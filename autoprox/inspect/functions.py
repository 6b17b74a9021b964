"""Functions that a network calls in place of modules, intercepted while it runs.

A function is identified by its name, so `F.softmax`, `torch.softmax`, `x.softmax` and `torch.ops.aten.softmax` are the
same.
"""

import math
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from autoprox.base.errors import CollectionError
from autoprox.inspect.nodes import Node, Site, site_of

FUSED_ATTENTION = "scaled_dot_product_attention"
"""The function that computes attention without exposing its probabilities."""

FUNCTION_SITES: dict[str, Site] = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d"), Site.LINEAR),
    **dict.fromkeys(("layer_norm", "rms_norm"), Site.NORM),
    **dict.fromkeys(
        (
            *("gelu", "relu", "relu6", "leaky_relu", "prelu", "silu", "mish"),
            *("elu", "selu", "celu", "hardswish", "softplus"),
        ),
        Site.ACTIVATION,
    ),
    **dict.fromkeys(("softmax", FUSED_ATTENTION), Site.ATTENTION),
}
"""Kind of node of a call, by name of the function."""

_COMPOSITE = "multi_head_attention_forward"
# torch's attention, the only function that calls others of the table.

Function = Callable[..., Any]
Handler = Callable[["CallMode", Function, str, tuple[Any, ...], dict[str, Any]], Any]
"""Calls a function, given the mode, the function, its name and its arguments, and returns the result."""


class CallMode(TorchFunctionMode):
    """Passes every function that torch can override to a handler while a network runs, and tracks the calling module.

    Args:
        network: The network, observed while `attached`.
        handler: Called instead of the function. Functions that it calls are not intercepted.
    """

    def __init__(self, network: nn.Module, handler: Handler) -> None:
        super().__init__()
        self._network = network
        self._handler = handler
        self._running: list[tuple[nn.Module, Counter[str]]] = []

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Observes the network; the hooks that track the running module are always removed."""
        with ExitStack() as hooks:
            for module in self._network.modules():
                hooks.callback(module.register_forward_pre_hook(self._enter).remove)
                hooks.callback(module.register_forward_hook(self._leave).remove)
            self._running.clear()
            with self:
                yield

    @property
    def owner(self) -> nn.Module:
        """The module that is running."""
        return self._running[-1][0] if self._running else self._network

    @property
    def closed(self) -> bool:
        """True if calls are internal to a module that is a node, or do not contribute to gradients.

        The latter holds inside custom kernels (`torch.autograd.Function`): their forward pass calls functions of torch,
        but gradients do not flow through these calls.
        """
        return site_of(self.owner) is not None or not torch.is_grad_enabled()

    def count(self, function: str) -> int:
        """Returns the number of earlier calls of this function by the running module, and counts this call."""
        counts = self._running[-1][1] if self._running else Counter[str]()
        counts[function] += 1
        return counts[function] - 1

    def called(self, function: str, nodes: Mapping["CallKey", Node]) -> Node | None:
        """Returns the node of a call of a function without weight; None if it is not a node. Ask exactly once per call.

        Args:
            function: Name of the function.
            nodes: See `nodes_by_call`.
        """
        if self.closed or FUNCTION_SITES.get(function, Site.LINEAR) is Site.LINEAR:
            return None
        return nodes.get((id(self.owner), function, self.count(function)))

    def _enter(self, module: nn.Module, _args: Any) -> None:
        self._running.append((module, Counter()))

    def _leave(self, _module: nn.Module, _args: Any, _output: Any) -> None:
        self._running.pop()

    def __torch_function__(
        self, func: Function, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "").removeprefix("special_")
        if name == _COMPOSITE:
            with self:
                return _opened(func)(*args, **(kwargs or {}))
        # The in-place form counts as the same function.
        name = name if name.endswith("__") else name.rstrip("_")
        return self._handler(self, func, name, args, dict(kwargs or {}))


CallKey = tuple[int, str, int]
"""Identity of a module, name of a function, and index of the call."""


def nodes_by_call(nodes: Iterable[Node]) -> dict[CallKey, Node]:
    """Returns the nodes that are calls of functions without a weight, by their key."""
    calls = [(node.call, node) for node in nodes if node.call is not None and not node.call.weight]
    return {(id(call.owner), call.function, call.index): node for call, node in calls}


def _opened(function: Function) -> Function:
    """Returns the same function without its check for a mode, so that the mode intercepts its inner calls."""
    if not isinstance(function, types.FunctionType) or "has_torch_function" not in function.__code__.co_names:
        raise CollectionError(
            f"The {_COMPOSITE} of torch {torch.__version__} is not supported; install a supported version."
        )
    names = {**function.__globals__, "has_torch_function": lambda _: False}
    opened = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    opened.__kwdefaults__ = function.__kwdefaults__
    return opened


def attention_parts(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,  # noqa: ARG001 - statistics are taken without dropout
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> tuple[Tensor, Tensor]:
    """Computes the probabilities `(..., queries, keys)` and the values of fused attention.

    Arguments and mathematics are the same as in `torch.nn.functional.scaled_dot_product_attention`. Without dropout,
    its result is the matrix product of the two. Scores of narrow dtypes are normalised in float32. A query with all
    keys masked has probabilities of zero.

    Example:
        >>> q, k, v = torch.rand(3, 2, 5, 4, generator=torch.Generator().manual_seed(0)).unbind()
        >>> probabilities, values = attention_parts(q, k, v, is_causal=True)
        >>> fused = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        >>> torch.allclose(probabilities @ values, fused, atol=1e-6)
        True
    """
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is None:
        return _normalised(scores), value
    scores = scores.masked_fill(~attn_mask, -math.inf) if attn_mask.dtype is torch.bool else scores + attn_mask
    hidden = scores.isneginf().all(dim=-1, keepdim=True)
    return _normalised(scores.masked_fill(hidden, 0.0)).masked_fill(hidden, 0.0), value


def _normalised(scores: Tensor) -> Tensor:
    wide = torch.promote_types(scores.dtype, torch.float32)
    return scores.softmax(dim=-1, dtype=wide).to(scores.dtype)

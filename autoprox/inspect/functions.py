"""Functions that a network calls where another has a module, seen one by one while it runs.

A functional form is known by the function's name, so `F.softmax`, `torch.softmax`, `x.softmax` and
`torch.ops.aten.softmax` are one.
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
"""The function that computes attention without showing its probabilities."""

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
"""For the name of a function, what kind of node a call of it may be."""

_COMPOSITE = "multi_head_attention_forward"
# torch's own attention, the only function that calls others of the table.

Function = Callable[..., Any]
Handler = Callable[["CallMode", Function, str, tuple[Any, ...], dict[str, Any]], Any]
"""Given the mode, a function, its name and its arguments; calls it and gives its result."""


class CallMode(TorchFunctionMode):
    """Hands every function that torch overrides to a handler while the network runs, and knows which module calls it.

    Args:
        network: The network; the mode sees it while `attached`.
        handler: Is called instead of the function. Functions that it calls are not handed to it again.
    """

    def __init__(self, network: nn.Module, handler: Handler) -> None:
        super().__init__()
        self._network = network
        self._handler = handler
        self._running: list[tuple[nn.Module, Counter[str]]] = []

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Watches the network; the hooks by which it knows the module are removed whatever happens."""
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
        """Whether what is called is the inner affair of a module that is itself a node, or takes no part in gradients.

        The latter is so in custom kernels (`torch.autograd.Function`): they look like functions of torch in the
        forward pass, but gradients do not flow through what is seen there.
        """
        return site_of(self.owner) is not None or not torch.is_grad_enabled()

    def count(self, function: str) -> int:
        """How many functions of this name the running module has called before this one; counts it."""
        counts = self._running[-1][1] if self._running else Counter[str]()
        counts[function] += 1
        return counts[function] - 1

    def called(self, function: str, nodes: Mapping["CallKey", Node]) -> Node | None:
        """The node that a call of a function without weight is, if it is one; to be asked once per call.

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
        # In place or not, it is the same function.
        name = name if name.endswith("__") else name.rstrip("_")
        return self._handler(self, func, name, args, dict(kwargs or {}))


CallKey = tuple[int, str, int]
"""Identity of a module, name of a function, and which call of it."""


def nodes_by_call(nodes: Iterable[Node]) -> dict[CallKey, Node]:
    """The nodes that are calls of functions without a weight, by what tells one call from the other."""
    calls = [(node.call, node) for node in nodes if node.call is not None and not node.call.weight]
    return {(id(call.owner), call.function, call.index): node for call, node in calls}


def _opened(function: Function) -> Function:
    """The same function, but for the question whether to hand itself to a mode: what it calls is seen by the mode."""
    if not isinstance(function, types.FunctionType) or "has_torch_function" not in function.__code__.co_names:
        raise CollectionError(f"This version of torch ({torch.__version__}) has another {_COMPOSITE} than is known.")
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
    """Attention probabilities `(..., queries, keys)` and the values that they weigh, of fused attention.

    The arguments and the mathematics are those of `torch.nn.functional.scaled_dot_product_attention`, whose result,
    without dropout, is the matrix product of the two. Scores of narrow dtypes are normalised in float32. A query that
    the mask hides all keys from has probabilities zero.

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

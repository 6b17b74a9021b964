"""Functions that a network calls where another has a module.

A function is identified by its name, so `F.softmax`, `torch.softmax`, `x.softmax` and `torch.ops.aten.softmax` are the
same.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autoprox.inspect.nodes import Site

FUSED_ATTENTION = "scaled_dot_product_attention"
"""The function that computes attention without exposing its probabilities."""

FUNCTION_SITES: dict[str, Site] = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d"), Site.LINEAR),
    **dict.fromkeys(("layer_norm", "rms_norm"), Site.NORM),
    **dict.fromkeys(("gelu", "relu", "relu6", "leaky_relu", "prelu", "silu", "mish"), Site.ACTIVATION),
    **dict.fromkeys(("elu", "selu", "celu", "hardswish", "softplus"), Site.ACTIVATION),
    **dict.fromkeys(("softmax", FUSED_ATTENTION), Site.ATTENTION),
}
"""Kind of node of a call, by name of the function."""

COMPOSITE = "multi_head_attention_forward"
"""torch's attention, the only function that calls others of the table."""

Function = Callable[..., Any]


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
        >>> fused = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
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

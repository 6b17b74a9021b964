"""Transformer block shared by the families: attention with probabilities visible to hooks, and an MLP.

For the small micro networks, the number of torch operations limits the speed, not arithmetic. Therefore the forward
passes use few operations: one product for queries, keys and values, one copy that moves the heads to the front, and the
scale inside the product.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from autoprox.inspect.nodes import Role, declare

NORM_EPS = 1e-6
"""Epsilon of layer normalisation, as published for both families."""


class Attention(nn.Module):
    """Multi-head self-attention, eager, with biases.

    Args:
        width: Size of a token.
        heads: Number of heads; divides `width`.
    """

    elastic_parts: ClassVar[Mapping[str, int]] = {"qkv.weight": 3, "qkv.bias": 3}
    """Parameters that a supernet slices part by part: queries, keys and values, with the first heads of each."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.softmax = nn.Softmax(dim=-1)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps tokens `(B, N, width)` to tokens `(B, N, width)`."""
        batch, tokens, width = x.shape
        heads = batch * self.heads
        qkv = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.reshape(3, heads, tokens, -1).unbind()  # each (B * heads, N, width / heads)
        # With beta 0 the first argument is ignored; alpha scales inside the product.
        logits = torch.baddbmm(q.new_empty(()), q, k.transpose(1, 2), beta=0, alpha=self.scale)
        probabilities = self.softmax(logits.view(batch, self.heads, tokens, tokens))
        y = torch.bmm(probabilities.view(heads, tokens, tokens), v).view(batch, self.heads, tokens, -1)
        mixed: Tensor = self.proj(y.transpose(1, 2).reshape(batch, tokens, width))
        return mixed


class MLP(nn.Module):
    """Two linear layers with a GELU between them.

    Args:
        width: Size of a token.
        hidden: Size of the hidden layer.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps tokens `(B, N, width)` to tokens `(B, N, width)`."""
        y: Tensor = self.fc2(self.act(self.fc1(x)))
        return y


class TransformerBlock(nn.Module):
    """Pre-norm transformer block: `x + attention(norm(x))`, then `x + mlp(norm(x))`.

    Args:
        width: Size of a token.
        heads: Number of heads; divides `width`.
        hidden: Size of the hidden layer of the MLP.
        drop_path: Probability of dropping a branch for an image in training.
    """

    def __init__(self, width: int, heads: int, hidden: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.drop_path = drop_path
        self.norm1 = declare(nn.LayerNorm(width, eps=NORM_EPS), Role.ATTENTION)
        self.attn = declare(Attention(width, heads), Role.ATTENTION)
        self.norm2 = declare(nn.LayerNorm(width, eps=NORM_EPS), Role.MLP)
        self.mlp = declare(MLP(width, hidden), Role.MLP)

    def forward(self, x: Tensor) -> Tensor:
        """Maps tokens `(B, N, width)` to tokens `(B, N, width)`."""
        x = x + self._dropped(self.attn(self.norm1(x)))
        return x + self._dropped(self.mlp(self.norm2(x)))

    def residual_ends(self) -> tuple[nn.Module, ...]:
        """The last linear map of each residual branch."""
        return self.attn.proj, self.mlp.fc2

    def _dropped(self, branch: Tensor) -> Tensor:
        """Applies stochastic depth (Huang 2016, https://arxiv.org/abs/1603.09382), which keeps the expectation."""
        if not self.training or self.drop_path == 0.0:
            return branch
        kept = 1.0 - self.drop_path
        mask = branch.new_empty(branch.shape[0], *(1,) * (branch.ndim - 1)).bernoulli_(kept)
        return branch * mask.div_(kept)


def init_normal(parameter: Tensor, std: float = 0.02) -> None:
    """Initialises a parameter with normal values; the default deviation is published for both families.

    The published code uses a truncated normal distribution with limits -2 and 2, a hundred standard deviations away, so
    no value is ever truncated. The plain normal distribution is the same, faster, and its draws do not change with the
    version of torch.
    """
    nn.init.normal_(parameter, std=std)

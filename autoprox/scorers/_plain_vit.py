"""A common vision transformer outside all spaces, on which to try proxies."""

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.base.digest import derived_seed
from autoprox.base.threads import single_threaded

CLASSES, SIDE, PATCH, HEAD = 10, 32, 8, 16
"""Number of classes, sides of image and patch in pixels, and width of an attention head."""


class PlainBlock(nn.Module):
    """Attention and MLP, each after a LayerNorm, with residual connections."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.softmax, self.proj = nn.Linear(width, 3 * width), nn.Softmax(dim=-1), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Tokens to tokens, `(B, T, width)`."""
        q, k, v = (
            each.unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in self.qkv(self.norm1(x)).chunk(3, -1)
        )
        attention = self.softmax(q @ k.transpose(-1, -2) / HEAD**0.5)
        x = x + self.proj((attention @ v).transpose(1, 2).flatten(2))
        mixed: Tensor = x + self.mlp(self.norm2(x))
        return mixed


class PlainVit(nn.Module):
    """Patch embedding, blocks of one width, LayerNorm, mean over tokens, classifier.

    Args:
        width: Width of tokens.
        depth: Number of blocks.
    """

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, PATCH, stride=PATCH)
        self.position = nn.Parameter(0.02 * torch.randn((SIDE // PATCH) ** 2, width))
        self.blocks = nn.ModuleList(PlainBlock(width) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Images to logits."""
        x = self.patches(images).flatten(2).transpose(1, 2) + self.position
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x).mean(dim=1))
        return logits


def plain_vit(width: int, depth: int) -> PlainVit:
    """A network with a fixed initialisation; the state of the caller's generator is unchanged.

    Example:
        >>> sum(each.numel() for each in plain_vit(32, 1).parameters())
        19786
    """
    with single_threaded(), torch.random.fork_rng([]):
        torch.manual_seed(derived_seed("plain vit") % 2**63)
        return PlainVit(width, depth).eval()


def plain_batch(count: int = 8) -> tuple[Tensor, Tensor]:
    """Deterministic noise images, with labels."""
    rng = np.random.default_rng(derived_seed("plain batch"))
    images = torch.from_numpy(rng.standard_normal((count, 3, SIDE, SIDE)).astype(np.float32))
    return images, torch.arange(count) % CLASSES

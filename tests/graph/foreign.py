"""A vision transformer as a user might write it. It knows nothing of autoprox and needs torch alone."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.softmax, self.proj = nn.Linear(width, 3 * width), nn.Softmax(dim=-1), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        q, k, v = (
            each.unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in self.qkv(self.norm1(x)).chunk(3, -1)
        )
        attention = self.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5)
        x = x + self.proj((attention @ v).transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    def __init__(self, width=12, depth=3, heads=2, classes=5):
        super().__init__()
        self.patches = nn.Conv2d(1, width, 2, stride=2)
        self.position = nn.Parameter(torch.randn(16, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(width, classes)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.dropout(x).mean(dim=1))


def mark(model):
    """Marks the roles without autoprox: the attribute holds the role's name."""
    model.patches.autoprox_role = "embed"
    model.head.autoprox_role = "head"
    for block in model.blocks:
        block.autoprox_role = "attention"
        block.norm2.autoprox_role = block.mlp.autoprox_role = "mlp"
    return model


def seeded(seed=0):
    """A network and a batch for it."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return Vit().eval(), torch.randn(4, 1, 8, 8), torch.tensor([0, 3, 1, 4])

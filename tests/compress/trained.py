"""Stand-ins for trained networks: built-in ones, of Hugging Face and of a user, with changed parameters."""

import numpy as np
import torch
from torch import nn
from transformers import ViTConfig, ViTForImageClassification

from autoprox.spaces import load_space


def images(channels: int = 1, size: int = 8, count: int = 6) -> torch.Tensor:
    values = np.random.default_rng(0).standard_normal((count, channels, size, size), dtype=np.float32)
    return torch.from_numpy(values)


def settled(model: nn.Module, seed: int = 7) -> nn.Module:
    """Parameters drawn from a heavy-tailed distribution, as trained ones are, without training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(0.02 * noise * noise.abs())
    return model.eval()


def ours() -> nn.Module:
    space = load_space("autoformer-micro")
    genes = {"hidden_dim": 24, "depth": 2, "mlp_ratio": [2.0, 1.0], "num_heads": [2, 3]}
    return settled(space.build(genes, num_classes=5, img_size=8, in_chans=1))


def pyramid() -> nn.Module:
    space = load_space("pit-micro")
    genes = space.sample(np.random.default_rng(1)).genes
    return settled(space.build(genes, num_classes=5, img_size=8, in_chans=1))


def hugging_face() -> nn.Module:
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=8,
        patch_size=4,
        num_channels=1,
        num_labels=5,
    )
    return settled(ViTForImageClassification(config))


class Mine(nn.Module):
    """A user's network: two layers with a shared weight, a convolution, and torch's attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(16, 12)
        self.first, self.second = nn.Linear(12, 12), nn.Linear(12, 12)
        self.second.weight = self.first.weight
        self.mix = nn.Conv1d(4, 4, 3, padding=1)
        self.attention = nn.MultiheadAttention(12, 2, batch_first=True)
        self.head = nn.Linear(12, 5)

    def forward(self, images):
        patches = images.unfold(2, 4, 4).unfold(3, 4, 4).flatten(4).flatten(1, 3)
        tokens = self.embed(patches)
        tokens = tokens + self.second(torch.relu(self.first(tokens)))
        tokens = tokens + self.mix(tokens)
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return self.head(tokens.mean(1))


def mine() -> nn.Module:
    torch.manual_seed(0)
    return settled(Mine())


ALL = {"ours": ours, "pyramid": pyramid, "hugging face": hugging_face, "mine": mine}


def logits(model: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        output = model(batch)
    return output if isinstance(output, torch.Tensor) else output.logits

"""Vision transformers as others write them. They know nothing of autoprox and need torch, or transformers, alone."""

import torch
from torch import nn
from torch.nn import functional

CLASSES = 5


class PlainAttention(nn.Module):
    """Attention with one projection, by functions alone."""

    def __init__(self, width, heads, fused):
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        if self.fused:
            mixed = functional.scaled_dot_product_attention(q, k, v)
        else:
            scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
            mixed = functional.dropout(functional.softmax(scores, dim=-1), 0.1, self.training) @ v
        return self.proj(mixed.transpose(1, 2).flatten(2))


class PlainBlock(nn.Module):
    def __init__(self, width, heads, fused):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = PlainAttention(width, heads, fused)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PlainVit(nn.Module):
    """A vision transformer in 60 lines; the classifier is defined first and called last."""

    def __init__(self, width=12, depth=2, heads=3, fused=False):
        super().__init__()
        self.head = nn.Linear(width, CLASSES)
        self.patches = nn.Conv2d(1, width, 2, stride=2)
        self.cls_token = nn.Parameter(torch.randn(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, 17, width))
        self.dropout = nn.Dropout(0.1)
        self.blocks = nn.ModuleList(PlainBlock(width, heads, fused) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = self.dropout(torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + self.position)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class OneBlock(nn.Module):
    """Everything of a block in one forward pass: functions for softmax and activation, a gate in the MLP."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.q, self.kv, self.out = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.gate, self.up, self.down = (nn.Linear(*io) for io in ((width, 20), (width, 20), (20, width)))

    def forward(self, x):
        y = self.norm1(x)
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.q(y), *self.kv(y).chunk(2, -1))
        )
        attention = torch.einsum("bhid,bhjd->bhij", q, k).div(q.shape[-1] ** 0.5).softmax(-1)
        x = x + self.out(torch.einsum("bhij,bhjd->bhid", attention, v).transpose(1, 2).flatten(2))
        y = self.norm2(x)
        return x + self.down(functional.silu(self.gate(y)) * self.up(y))


class OneBlockVit(nn.Module):
    """A convolutional stem, such blocks, a strided convolution between them, and a classifier of two layers."""

    def __init__(self, width=8, heads=2):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Conv2d(4, width, 2, stride=2)
        )
        self.first, self.second = OneBlock(width, heads), OneBlock(2 * width, heads)
        self.reduce = nn.Conv2d(width, 2 * width, 2, stride=2)
        self.classifier = nn.Sequential(
            nn.LayerNorm(2 * width), nn.Linear(2 * width, 6), nn.Tanh(), nn.Linear(6, CLASSES)
        )

    def forward(self, images):
        x = self.stem(images)
        size = x.shape[2:]
        x = self.first(x.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, size)
        x = self.second(self.reduce(x).flatten(2).transpose(1, 2))
        return self.classifier(x.mean(dim=1))


class Attention(nn.Module):
    """In the manner of timm: fused or not, with normalised queries and keys."""

    def __init__(self, dim, num_heads, fused_attn):
        super().__init__()
        self.num_heads, self.head_dim, self.fused_attn = num_heads, dim // num_heads, fused_attn
        self.scale = self.head_dim**-0.5
        self.qkv = nn.Linear(dim, dim * 3, bias=False)
        self.q_norm, self.k_norm = nn.LayerNorm(self.head_dim), nn.LayerNorm(self.head_dim)
        self.attn_drop, self.proj, self.proj_drop = nn.Dropout(0.1), nn.Linear(dim, dim), nn.Dropout(0.1)

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        q, k = self.q_norm(q), self.k_norm(k)
        if self.fused_attn:
            dropout_p = self.attn_drop.p if self.training else 0.0
            x = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout_p)
        else:
            attn = (q * self.scale) @ k.transpose(-2, -1)
            x = self.attn_drop(attn.softmax(dim=-1)) @ v
        return self.proj_drop(self.proj(x.transpose(1, 2).reshape(batch, tokens, width)))


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1, self.act, self.drop1, self.fc2 = (
            nn.Linear(dim, hidden),
            QuickGELU(),
            nn.Dropout(0.1),
            nn.Linear(hidden, dim),
        )

    def forward(self, x):
        return self.fc2(self.drop1(self.act(self.fc1(x))))


class LayerScale(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), 0.5))

    def forward(self, x):
        return x * self.gamma


class TimmBlock(nn.Module):
    def __init__(self, dim, num_heads, fused_attn):
        super().__init__()
        self.norm1, self.attn, self.ls1 = nn.LayerNorm(dim), Attention(dim, num_heads, fused_attn), LayerScale(dim)
        self.norm2, self.mlp, self.ls2 = nn.LayerNorm(dim), Mlp(dim, 3 * dim), LayerScale(dim)

    def forward(self, x):
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class PatchEmbed(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.proj, self.norm = nn.Conv2d(1, dim, 2, stride=2), nn.LayerNorm(dim)

    def forward(self, x):
        return self.norm(self.proj(x).flatten(2).transpose(1, 2))


class TimmVit(nn.Module):
    """In the manner of timm's VisionTransformer with mean pooling."""

    def __init__(self, dim=12, depth=2, num_heads=2, fused_attn=True):
        super().__init__()
        self.patch_embed = PatchEmbed(dim)
        self.pos_embed = nn.Parameter(torch.randn(1, 16, dim))
        self.blocks = nn.Sequential(*(TimmBlock(dim, num_heads, fused_attn) for _ in range(depth)))
        self.fc_norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, CLASSES)

    def forward(self, x):
        x = self.blocks(self.patch_embed(x) + self.pos_embed)
        return self.head(self.fc_norm(x.mean(dim=1)))


class EncoderVit(nn.Module):
    """A classifier around torch's own TransformerEncoder, whose layers work by functions where they can."""

    def __init__(self, width=12, heads=2, depth=2, **layer):
        super().__init__()
        self.patches = nn.Conv2d(1, width, 2, stride=2)
        self.position = nn.Parameter(torch.randn(1, 16, width))
        options = {"dim_feedforward": 20, "dropout": 0.1, "batch_first": True, "norm_first": True, **layer}
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(width, heads, **options), depth, enable_nested_tensor=False
        )
        self.head = nn.Linear(width, CLASSES)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2) + self.position
        return self.head(self.encoder(x).mean(dim=1))


def hugging_face(kind, attention):
    """A classifier of transformers from a small configuration: `vit`, `deit` or `swin`; `eager` or `sdpa`."""
    import transformers

    sizes = {"num_channels": 1, "num_labels": CLASSES, "image_size": 8, "patch_size": 2}
    if kind == "swin":
        config = transformers.SwinConfig(**sizes, embed_dim=8, depths=[1, 2], num_heads=[2, 2], window_size=2)
        make = transformers.SwinForImageClassification
    else:
        sizes |= {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20}
        config = (transformers.ViTConfig if kind == "vit" else transformers.DeiTConfig)(**sizes)
        make = transformers.ViTForImageClassification if kind == "vit" else transformers.DeiTForImageClassification
    config._attn_implementation = attention
    return make(config)


MAKERS = {
    "plain": PlainVit,
    "plain-fused": lambda: PlainVit(fused=True),
    "one-block": OneBlockVit,
    "timm": lambda: TimmVit(fused_attn=False),
    "timm-fused": TimmVit,
    "encoder": EncoderVit,
    "encoder-post": lambda: EncoderVit(norm_first=False, activation="gelu"),
    "vit": lambda: hugging_face("vit", "eager"),
    "vit-fused": lambda: hugging_face("vit", "sdpa"),
    "deit": lambda: hugging_face("deit", "eager"),
    "deit-fused": lambda: hugging_face("deit", "sdpa"),
    "swin": lambda: hugging_face("swin", "eager"),
    "swin-fused": lambda: hugging_face("swin", "sdpa"),
}
"""Every model, by name; those that end in `-fused` compute what those without it do, by fused attention."""


def seeded(name):
    """A model in evaluation mode, with parameters that are no constants, so that every part of it counts."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = MAKERS[name]().eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def batch(images=3):
    """Images `(B, 1, 8, 8)` and labels `(B,)`."""
    return torch.randn(images, 1, 8, 8, generator=torch.Generator().manual_seed(1)), torch.arange(images) % CLASSES

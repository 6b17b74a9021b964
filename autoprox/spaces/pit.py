"""PiT: a vision transformer of three stages with convolutional pooling between them.

`pit-ti` is the published space (Heo 2021, https://arxiv.org/abs/2103.16302) as used in ViT-Bench-101 (Wei 2024,
https://arxiv.org/abs/2312.09059). `pit-micro` is our space for images of 8 to 32 px.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import final

from autoprox.spaces._closed_counts import Counts, block, conv, layer_norm, linear
from autoprox.spaces._transformer import Layer, TransformerSpace
from autoprox.spaces.genes import Gene, Genes
from autoprox.spaces.layout import Layout
from autoprox.spaces.space import SPACES, Builder, Candidate
from autoprox.spaces.task import TaskShape

MICRO_GRIDS = range(4, 9)
"""Allowed numbers of tokens along an edge of the first stage in the micro space."""
MICRO_GRID = 6
"""Target number of tokens along an edge of the first stage in the micro space."""

HEADS = ((2, 2, 2), (2, 2, 4), (2, 2, 8), (2, 4, 4), (2, 4, 8), (2, 8, 8), (4, 4, 4), (4, 4, 8), (4, 8, 8), (8, 8, 8))
"""Heads of the three stages, as published. They never decrease, so that depth-wise pooling can widen the tokens."""


@dataclass(frozen=True, slots=True)
class PitStage:
    """The blocks of one stage.

    Args:
        grid: Tokens along an edge of the token map.
        layers: The blocks, all identical.
    """

    grid: int
    layers: tuple[Layer, ...]

    @property
    def width(self) -> int:
        """Size of a token."""
        return self.layers[0].width

    @property
    def tokens(self) -> int:
        """Tokens of an image, with the class token."""
        return self.grid**2 + 1


@dataclass(frozen=True, slots=True)
class PiTShape:
    """All sizes of a network.

    Args:
        patch: Edge of a patch in px.
        stride: Distance of patches in px; they overlap.
        stages: The three stages.
    """

    patch: int
    stride: int
    stages: tuple[PitStage, ...]


def pooled(grid: int) -> int:
    """Returns the tokens along an edge after a 3 x 3 convolution of stride 2 with padding 1.

    Example:
        >>> pooled(27), pooled(14)
        (14, 7)
    """
    return (grid + 1) // 2


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class PiT(TransformerSpace):
    """A space of the PiT family.

    Its genes are `base_dim` (size of a head), `mlp_ratio`, and for the three stages `depth` and `num_heads`.

    Args:
        stride: Distance of patches in px, half their width; None derives it from the image size.
    """

    stride: int | None
    builder: Builder | str = "autoprox.networks.pit:build"

    def layers_of(self, genes: Genes) -> tuple[Layer, ...]:
        """The transformer blocks of allowed genes, in the order of the forward pass."""
        return tuple(layer for stage in self._stages(genes) for layer in stage)

    def shape(self, arch: Candidate, img_size: int) -> PiTShape:
        """All sizes of the network for images of one size.

        Pixels beyond the last whole patch are ignored.

        Raises:
            SpecError: If the space does not allow the architecture.

        Example:
            >>> import numpy as np
            >>> from autoprox.spaces import load_space
            >>> micro = load_space("pit-micro")
            >>> shape = micro.shape(micro.sample(np.random.default_rng(0)), img_size=28)
            >>> shape.patch, [stage.grid for stage in shape.stages]
            (8, [6, 3, 2])
        """
        stride = self._stride(img_size)
        grid = first_grid(img_size, stride)
        stages = []
        for layers in self._stages(self._genes(arch)):
            stages.append(PitStage(grid, layers))
            grid = pooled(grid)
        return PiTShape(2 * stride, stride, tuple(stages))

    def counts_of(self, genes: Genes, task: TaskShape) -> Counts:
        """Parameters and multiply-accumulates in closed form."""
        stride = self._stride(task.img_size)
        grid = first_grid(task.img_size, stride)
        ratio, widths = genes["mlp_ratio"], [genes["base_dim"] * heads for heads in genes["num_heads"]]
        embed = conv(task.in_chans * (2 * stride) ** 2, widths[0], grid**2)
        positions_and_class = grid**2 * widths[0] + widths[0]
        params, macs = layer_norm(widths[-1])
        for stage, (width, depth) in enumerate(zip(widths, genes["depth"], strict=True)):
            if stage > 0:
                grid = pooled(grid)
                pool, token = conv(9, width, grid**2), linear(widths[stage - 1], width)
                params, macs = params + pool.params + token.params, macs + pool.macs + token.macs
            more_params, more_macs = block(width, int(width * ratio), grid**2 + 1)
            params, macs = params + depth * more_params, macs + depth * more_macs
        head = linear(widths[-1], task.num_classes)
        total = embed.params + positions_and_class + params + head.params
        return Counts(total, embed.macs + macs + head.macs, params)

    def _stages(self, genes: Genes) -> list[tuple[Layer, ...]]:
        return [
            (Layer(genes["base_dim"] * heads, heads, genes["mlp_ratio"]),) * depth
            for depth, heads in zip(genes["depth"], genes["num_heads"], strict=True)
        ]

    def _stride(self, img_size: int) -> int:
        return self.stride or micro_stride(img_size)


def first_grid(img_size: int, stride: int) -> int:
    """Returns the tokens along an edge for patches of twice the stride.

    Example:
        >>> first_grid(224, 8)
        27
    """
    return (img_size - 2 * stride) // stride + 1


@cache
def micro_stride(img_size: int) -> int:
    """Returns the stride in px with the allowed token grid nearest to the target; the smaller of two.

    Example:
        >>> [micro_stride(size) for size in (8, 28, 32)]
        [1, 4, 4]
    """
    allowed = [stride for stride in range(1, img_size) if first_grid(img_size, stride) in MICRO_GRIDS]
    return min(allowed, key=lambda stride: abs(first_grid(img_size, stride) - MICRO_GRID))


SPACES.register(
    "pit-ti",
    PiT(
        name="pit-ti",
        reference="pit-ti",
        layout=Layout(
            (
                Gene("base_dim", (16, 24, 32, 40)),
                Gene("mlp_ratio", (2, 4, 6, 8)),
                Gene(
                    "depth",
                    (
                        (1, 6, 6),
                        (1, 8, 4),
                        (2, 4, 6),
                        (2, 6, 4),
                        (2, 6, 6),
                        (2, 8, 2),
                        (2, 8, 4),
                        (3, 4, 6),
                        (3, 6, 4),
                        (3, 8, 2),
                    ),
                ),
                Gene("num_heads", HEADS),
            )
        ),
        default_img_size=224,
        img_sizes=range(32, 513, 8),
        stride=8,
    ),
)

SPACES.register(
    "pit-micro",
    PiT(
        name="pit-micro",
        reference="pit-micro",
        layout=Layout(
            (
                Gene("base_dim", (4, 6, 8, 10, 12)),
                Gene("mlp_ratio", (1, 2, 3, 4)),
                Gene("depth", tuple(product(range(1, 4), range(1, 5), range(1, 4)))),
                Gene("num_heads", HEADS),
            )
        ),
        default_img_size=28,
        img_sizes=range(8, 33),
        stride=None,
    ),
)

"""PiT: a vision transformer of three stages with convolutional pooling between them.

`pit-ti` is the published space (Heo 2021, https://arxiv.org/abs/2103.16302, in the form that ViT-Bench-101 of Wei 2024,
https://arxiv.org/abs/2312.09059, labels). `pit-micro` is ours, for images of 8 to 32 px.
"""

from dataclasses import dataclass
from itertools import product
from typing import ClassVar, final

from autoprox.spaces.arch import Arch
from autoprox.spaces.base import SPACES, AbstractSpace, Layer
from autoprox.spaces.counts import Cost, Counts, block, conv, layer_norm, linear
from autoprox.spaces.genes import Gene, Layout

MICRO_GRIDS = range(4, 9)
"""Tokens along an edge of the first stage that the micro space allows."""
MICRO_GRID = 6
"""Tokens along an edge of the first stage that it aims at."""

HEADS = ((2, 2, 2), (2, 2, 4), (2, 2, 8), (2, 4, 4), (2, 4, 8), (2, 8, 8), (4, 4, 4), (4, 4, 8), (4, 8, 8), (8, 8, 8))
"""Heads of the three stages, as published. They never fall, so that a depth-wise pooling can widen the tokens."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The blocks between two poolings.

    Args:
        grid: Tokens along an edge of the token map.
        layers: The blocks, all alike.
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
    stages: tuple[Stage, ...]


def pooled(grid: int) -> int:
    """Tokens along an edge after a 3 x 3 convolution of stride 2 with padding 1.

    Example:
        >>> pooled(27), pooled(14)
        (14, 7)
    """
    return (grid + 1) // 2


@final
@dataclass(frozen=True, eq=False)
class PiT(AbstractSpace):
    """A space of the PiT family.

    Args:
        name: Name of the space.
        layout: The genes `base_dim` (size of a head), `mlp_ratio`, and for the three stages `depth` and `num_heads`.
        default_img_size: Image size in px that the space was made for.
        img_sizes: Image sizes in px that it takes.
        stride: Distance of patches in px, which are twice as wide; None lets it follow the image size.
    """

    name: str
    layout: Layout
    default_img_size: int
    img_sizes: range
    stride: int | None
    family: ClassVar[str] = "pit"
    version: ClassVar[int] = 1

    def layers(self, arch: Arch) -> tuple[Layer, ...]:
        """The transformer blocks in the order of the forward pass.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return tuple(layer for stage in self._stage_layers(arch) for layer in stage)

    def shape(self, arch: Arch, img_size: int) -> PiTShape:
        """All sizes of the network for images of one size.

        Pixels beyond the last whole patch are not seen.

        Raises:
            SpecError: If the space does not allow the architecture.

        Example:
            >>> import numpy as np
            >>> from autoprox.spaces import space
            >>> micro = space("pit-micro")
            >>> shape = micro.shape(micro.sample(np.random.default_rng(0)), img_size=28)
            >>> shape.patch, [stage.grid for stage in shape.stages]
            (8, [6, 3, 2])
        """
        stride = self.stride or micro_stride(img_size)
        grid = first_grid(img_size, stride)
        stages = []
        for layers in self._stage_layers(arch):
            stages.append(Stage(grid, layers))
            grid = pooled(grid)
        return PiTShape(2 * stride, stride, tuple(stages))

    def counts(self, arch: Arch, num_classes: int, img_size: int | None = None, in_chans: int = 3) -> Counts:
        """Parameters and multiply-accumulates in closed form, without building the network.

        Args:
            arch: An architecture of this space.
            num_classes: Number of classes, at least 2.
            img_size: Edge of the image in px; the space's default if None.
            in_chans: Channels of the image, at least 1.

        Raises:
            SpecError: If the space does not allow the architecture or the image size.

        Example:
            >>> from autoprox.spaces import space
            >>> tiny = space("pit-ti")
            >>> genes = {"base_dim": 16, "mlp_ratio": 6, "depth": [2, 8, 4], "num_heads": [2, 4, 4]}
            >>> tiny.counts(tiny.arch(genes), num_classes=100).params
            893828
        """
        num_classes, size, in_chans = self.check_task(num_classes, img_size, in_chans)
        shape = self.shape(arch, size)
        first, last = shape.stages[0], shape.stages[-1]
        embed = conv(in_chans * shape.patch**2, first.width, first.grid**2)
        positions_and_class = Cost(first.grid**2 * first.width + first.width)
        backbone = layer_norm(last.width)
        for stage in shape.stages:
            backbone = sum((block(layer.width, layer.hidden, stage.tokens) for layer in stage.layers), start=backbone)
        for before, after in zip(shape.stages, shape.stages[1:], strict=False):
            backbone += conv(9, after.width, after.grid**2) + linear(before.width, after.width)
        total = embed + positions_and_class + backbone + linear(last.width, num_classes)
        return Counts(total.params, total.macs, backbone.params)

    def _stage_layers(self, arch: Arch) -> list[tuple[Layer, ...]]:
        genes = self.genes(arch)
        return [
            (Layer(genes["base_dim"] * heads, heads, genes["mlp_ratio"]),) * depth
            for depth, heads in zip(genes["depth"], genes["num_heads"], strict=True)
        ]


def first_grid(img_size: int, stride: int) -> int:
    """Tokens along an edge for patches of twice the stride.

    Example:
        >>> first_grid(224, 8)
        27
    """
    return (img_size - 2 * stride) // stride + 1


def micro_stride(img_size: int) -> int:
    """The stride in px whose token grid is allowed and nearest to the aim; the smaller one of two.

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

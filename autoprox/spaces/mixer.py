"""Mixers: a vision transformer of three stages that mix tokens by attention or by convolution.

`mixer-micro` is our space for images of 8 to 32 px. Stages and pooling follow PiT (Heo 2021,
https://arxiv.org/abs/2103.16302), the convolutional mixer ConvFormer (https://arxiv.org/abs/2209.07738), and the
pooling after a mixer Meta-Pooling (https://arxiv.org/abs/2301.10038), as far as they are published; see
`autoprox.networks.MCA`. There is no class token, because a convolution would not reach it: the classifier reads the
mean of the tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import final

from autoprox.base.errors import SpecError
from autoprox.spaces._closed_counts import Counts, PartCounts, conv, layer_norm, linear
from autoprox.spaces._transformer import Layer, TransformerSpace
from autoprox.spaces.genes import Gene, Genes, Length
from autoprox.spaces.layout import Layout
from autoprox.spaces.pit import first_grid, micro_stride, pooled
from autoprox.spaces.space import SPACES, Builder, Candidate
from autoprox.spaces.task import TaskShape

MIXERS = ("attention", "mca")
"""Token mixers of a stage: attention, or multi-kernel convolutional attention."""

ENHANCERS = ("skip", "strip", "max3", "max5", "avg3", "avg5")
"""Pooling after a mixer: none, gates of rows and columns, or the largest or mean value in a window of 3 or 5."""

KERNELS = ((3,), (3, 5), (3, 5, 7))
EXPANSIONS = (1, 2)
HEADS = (2, 4, 8)
"""Attention heads of the three stages."""
GROWTH = (1, 2, 4)
"""Widths of the three stages, relative to the first."""


@dataclass(frozen=True, slots=True)
class MixerStage:
    """The identical blocks of one stage.

    Args:
        grid: Tokens along an edge of the token map.
        depth: Number of blocks.
        width: Size of a token.
        heads: Attention heads, if the mixer is attention.
        hidden: Size of the hidden layer of the MLP.
        mixer: One of `MIXERS`.
        kernels: Kernel sizes, if the mixer is convolutional.
        expand: Expanded channels of the convolutional mixer, divided by `width`.
        enhancer: One of `ENHANCERS`.
    """

    grid: int
    depth: int
    width: int
    heads: int
    hidden: int
    mixer: str
    kernels: tuple[int, ...]
    expand: int
    enhancer: str

    @property
    def tokens(self) -> int:
        """Tokens of an image."""
        return self.grid**2


@dataclass(frozen=True, slots=True)
class MixerShape:
    """All sizes of a network.

    Args:
        patch: Edge of a patch in px.
        stride: Distance of patches in px; they overlap.
        stages: The three stages.
    """

    patch: int
    stride: int
    stages: tuple[MixerStage, ...]


def fitting_kernels(kernels: Sequence[int], grid: int) -> tuple[int, ...]:
    """Reduces kernel sizes to a token map, so that each of their weights can meet a token.

    Raises:
        SpecError: If a kernel is even or below 1.

    Example:
        >>> fitting_kernels((3, 5, 7), grid=3), fitting_kernels((3, 5, 7), grid=2)
        ((3, 5), (3,))
    """
    if bad := [kernel for kernel in kernels if kernel < 1 or kernel % 2 == 0]:
        raise SpecError(f"A kernel needs an odd edge of at least 1, not {bad[0]}.")
    return tuple(dict.fromkeys(min(kernel, 2 * grid - 1) for kernel in kernels))


def distinct_enhancers(grid: int, names: Sequence[str] = ENHANCERS) -> tuple[str, ...]:
    """The enhancers that differ on a token map; of those that are equal there, the first.

    Windows are cut as kernels are, so that on small maps two of them are one.

    Example:
        >>> distinct_enhancers(3) == ENHANCERS, distinct_enhancers(2)
        (True, ('skip', 'strip', 'max3', 'avg3'))
    """
    found: dict[tuple[str, int], str] = {}
    for name in names:
        kernel = fitting_kernels([int(name[3:])], grid)[0] if name.startswith(("max", "avg")) else 0
        kind = ("skip", 0) if kernel == 1 else (name.rstrip("35"), kernel)
        found.setdefault(kind, name)
    return tuple(found.values())


def split_channels(channels: int, parts: int) -> list[int]:
    """Divides channels evenly; the first parts get one more each if there is a remainder.

    Raises:
        SpecError: If there are no parts, or more parts than channels.

    Example:
        >>> split_channels(8, 3)
        [3, 3, 2]
    """
    if not 1 <= parts <= channels:
        raise SpecError(f"{channels} channels cannot be divided among {parts} kernels; each needs at least one.")
    return [channels // parts + (part < channels % parts) for part in range(parts)]


def strip_width(dim: int) -> int:
    """Returns the channels between the two layers of a strip gate: a 32nd, but at least 8, as published.

    Example:
        >>> strip_width(64), strip_width(512)
        (8, 16)
    """
    return max(8, dim // 32)


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class MixerSpace(TransformerSpace):
    """A space of the mixer family.

    Its genes are `width` (size of a token in the first stage), `mlp_ratio`, `kernels` and `expand` of convolutional
    mixers, and for each of the three stages `depth`, `mixer` and `enhancer`.
    """

    builder: Builder | str = "autoprox.networks.mixer:build"

    def layers_of(self, genes: Genes) -> tuple[Layer, ...]:
        """The blocks of allowed genes, in the order of the forward pass."""
        ratio, depths = genes["mlp_ratio"], genes["depth"]
        stages = zip(depths, GROWTH, HEADS, strict=True)
        layers = [(Layer(genes["width"] * growth, heads, ratio),) * depth for depth, growth, heads in stages]
        return tuple(chain.from_iterable(layers))

    def features_of(self, genes: Genes) -> dict[str, float]:
        """Features of a transformer, the share of convolutional blocks, and the share of stages with pooling."""
        blocks = sum(genes["depth"])
        convolving = sum(d for d, mixer in zip(genes["depth"], genes["mixer"], strict=True) if mixer == "mca")
        enhanced = sum(enhancer != "skip" for enhancer in genes["enhancer"])
        return TransformerSpace.features_of(self, genes) | {
            "mca_share": convolving / blocks,
            "enhanced_share": enhanced / len(genes["enhancer"]),
        }

    def shape(self, arch: Candidate, img_size: int) -> MixerShape:
        """All sizes of the network for images of one size.

        Pixels beyond the last whole patch are ignored.

        Raises:
            SpecError: If the space does not allow the architecture.

        Example:
            >>> import numpy as np
            >>> from autoprox.spaces import load_space
            >>> micro = load_space("mixer-micro")
            >>> shape = micro.shape(micro.sample(np.random.default_rng(0)), img_size=28)
            >>> shape.patch, [stage.grid for stage in shape.stages]
            (8, [6, 3, 2])
        """
        genes, stride = self._genes(arch), micro_stride(img_size)
        return MixerShape(2 * stride, stride, self._stages(genes, img_size))

    def counts_of(self, genes: Genes, task: TaskShape) -> Counts:
        """Parameters and multiply-accumulates in closed form."""
        stages = self._stages(genes, task.img_size)
        first, last = stages[0], stages[-1]
        embed = conv(task.in_chans * (2 * micro_stride(task.img_size)) ** 2, first.width, first.tokens)
        positions = first.tokens * first.width
        parts = [layer_norm(last.width)]
        for before, stage in zip((None, *stages[:-1]), stages, strict=True):
            if before is not None:
                parts.append(conv(9, stage.width, stage.tokens))
            parts += [*_block(stage)] * stage.depth
        params, macs = (sum(column) for column in zip(*parts, strict=True))
        head = linear(last.width, task.num_classes)
        return Counts(embed.params + positions + params + head.params, embed.macs + macs + head.macs, params)

    def _stages(self, genes: Genes, img_size: int) -> tuple[MixerStage, ...]:
        grid, stages = first_grid(img_size, micro_stride(img_size)), []
        rows = zip(genes["depth"], GROWTH, HEADS, genes["mixer"], genes["enhancer"], strict=True)
        for depth, growth, heads, mixer, enhancer in rows:
            width = genes["width"] * growth
            kernels, hidden = tuple(genes["kernels"]), int(width * genes["mlp_ratio"])
            stages.append(MixerStage(grid, depth, width, heads, hidden, mixer, kernels, genes["expand"], enhancer))
            grid = pooled(grid)
        return tuple(stages)


def _block(stage: MixerStage) -> list[PartCounts]:
    """Cost of one block of a stage."""
    width, tokens = stage.width, stage.tokens
    mixer = _mca(stage) if stage.mixer == "mca" else _attention(stage)
    enhancer = _strip(stage) if stage.enhancer == "strip" else []
    mlp = [linear(width, stage.hidden, tokens), linear(stage.hidden, width, tokens)]
    return [layer_norm(width), layer_norm(width), *mixer, *enhancer, *mlp]


def _attention(stage: MixerStage) -> list[PartCounts]:
    width, tokens = stage.width, stage.tokens
    products = PartCounts(0, 2 * tokens**2 * width)
    return [linear(width, 3 * width, tokens), products, linear(width, width, tokens)]


def _mca(stage: MixerStage) -> list[PartCounts]:
    hidden, tokens = stage.width * stage.expand, stage.tokens
    kernels = fitting_kernels(stage.kernels, stage.grid)
    shares = zip(split_channels(hidden, len(kernels)), kernels, strict=True)
    convolutions = [conv(kernel**2, share, tokens) for share, kernel in shares]
    gate = linear(hidden, hidden)
    return [linear(stage.width, hidden, tokens), *convolutions, gate, linear(hidden, stage.width, tokens)]


def _strip(stage: MixerStage) -> list[PartCounts]:
    width, middle, edges = stage.width, strip_width(stage.width), 2 * stage.grid
    gates = [linear(middle, width, stage.grid)] * 2
    return [linear(width, middle, edges), layer_norm(middle), *gates]


def _kernels_are_read(genes: Genes) -> bool | str:
    """Requires the first value of unused genes, so that no two architectures give the same network."""
    if "mca" in genes["mixer"] or (genes["kernels"], genes["expand"]) == ([*KERNELS[0]], EXPANSIONS[0]):
        return True
    return f"without a convolutional mixer, kernels must be {[*KERNELS[0]]} and expand must be {EXPANSIONS[0]}"


SPACES.register(
    "mixer-micro",
    MixerSpace(
        name="mixer-micro",
        reference="mixer-micro",
        layout=Layout(
            (
                Gene("width", (8, 12, 16, 20, 24)),
                Gene("mlp_ratio", (1, 2, 3, 4)),
                Gene("kernels", KERNELS),
                Gene("expand", EXPANSIONS),
                Gene("depth", (1, 2, 3), along=len(GROWTH)),
                Gene("mixer", MIXERS, along=Length("depth")),
                Gene("enhancer", ENHANCERS, along=Length("depth")),
            ),
            valid=_kernels_are_read,
        ),
        default_img_size=28,
        img_sizes=range(8, 33),
    ),
)

"""Convolutional token mixers: multi-kernel convolutional attention, and pooling with a learnable receptive field.

Both operate on the token map of an image. Class tokens, which are not part of the map, bypass them.

`MCA` follows ConvFormer (https://arxiv.org/abs/2209.07738), which has no public code. The paper names the parts: an
expanding convolution, depth-wise convolutions of several kernel sizes, an input-dependent gate, and a reducing
convolution. Their order, the place of the activation and the form of the gate are reconstructed here. The "convformer"
of timm is a different network.

`SpatialEnhancer` follows Meta-Pooling (https://arxiv.org/abs/2301.10038) and its published code. It differs in two
points: a strip gate is normalised over channels instead of the batch, so that images do not depend on each other, and
the operation is not followed by a normalisation, so that `skip` is the identity.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from autoprox.base.errors import SpecError, suggestion
from autoprox.spaces.mixer import ENHANCERS, fitting_kernels, split_channels, strip_width


class MCA(nn.Module):
    """Multi-kernel convolutional attention: expansion, depth-wise convolutions, a gate, and reduction.

    The expanded channels are divided evenly among the kernels. Kernels too large for the token map are reduced to the
    largest size with every weight in use, and equal kernels are merged.

    Args:
        dim: Size of a token.
        grid: Tokens along an edge of the token map.
        kernels: Odd edges of the depth-wise kernels.
        expand: Expanded channels, divided by `dim`.
        gate: Weights the channels by a sigmoid of their mean over the token map.
        class_tokens: Tokens before those of the map; their output is zero, for a residual branch.

    Raises:
        SpecError: If a kernel is even or below 1, or there are more kernels than channels.

    Example:
        >>> MCA(8, grid=4, kernels=(3, 5))(torch.zeros(2, 16, 8)).shape
        torch.Size([2, 16, 8])
    """

    def __init__(
        self,
        dim: int,
        grid: int,
        kernels: Sequence[int] = (3, 5, 7),
        expand: int = 2,
        gate: bool = True,
        class_tokens: int = 0,
    ) -> None:
        super().__init__()
        self.grid, self.class_tokens = grid, class_tokens
        hidden = dim * expand
        fitting = fitting_kernels(kernels, grid)
        self.parts = split_channels(hidden, len(fitting))
        self.expand = nn.Linear(dim, hidden)
        self.convs = nn.ModuleList(
            nn.Conv2d(part, part, kernel, padding=kernel // 2, groups=part)
            for part, kernel in zip(self.parts, fitting, strict=True)
        )
        self.act = nn.GELU()
        self.gate = nn.Linear(hidden, hidden) if gate else None
        self.reduce = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Maps tokens `(B, class_tokens + grid^2, dim)` to tokens of the same shape."""
        tokens, held = _without_class_tokens(x, self.class_tokens)
        mapped = _as_map(self.expand(tokens), self.grid)
        parts = torch.split(mapped, self.parts, dim=1)
        mixed = self.act(torch.cat([conv(part) for conv, part in zip(self.convs, parts, strict=True)], dim=1))
        features = mixed.flatten(2).transpose(1, 2)
        if self.gate is not None:
            features = features * torch.sigmoid(self.gate(features.mean(dim=1, keepdim=True)))
        reduced: Tensor = self.reduce(features)
        return reduced if held is None else torch.cat((torch.zeros_like(held), reduced), dim=1)


class Strip(nn.Module):
    """Weights each token by two gates: of the mean of its row, and of the mean of its column (coordinate attention).

    Args:
        dim: Size of a token.

    Example:
        >>> Strip(8)(torch.ones(2, 8, 4, 4)).shape
        torch.Size([2, 8, 4, 4])
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        middle = strip_width(dim)
        self.squeeze = nn.Linear(dim, middle)
        self.norm = nn.LayerNorm(middle)
        self.act = nn.Hardswish()
        self.rows = nn.Linear(middle, dim)
        self.columns = nn.Linear(middle, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `(B, dim, H, W)` to `(B, dim, H, W)`."""
        height = x.shape[2]
        strips = torch.cat((x.mean(dim=3), x.mean(dim=2)), dim=2).transpose(1, 2)  # (B, H + W, dim)
        squeezed = self.act(self.norm(self.squeeze(strips)))
        rows = torch.sigmoid(self.rows(squeezed[:, :height])).transpose(1, 2)[..., None]
        columns = torch.sigmoid(self.columns(squeezed[:, height:])).transpose(1, 2)[:, :, None]
        return x * rows * columns


class SpatialEnhancer(nn.Module):
    """Widens the receptive field of a token map by pooling: one operation, or a learnable mixture of several.

    Args:
        dim: Size of a token.
        grid: Tokens along an edge of the token map.
        ops: The operation, or the operations of the mixture: `skip`, `strip`, `max3`, `max5`, `avg3`, `avg5`.
        class_tokens: Tokens before those of the map; they are unchanged.

    Attributes:
        names: The operations.
        alpha: `(len(ops),)`, the weights of the mixture before the softmax; None for a single operation. Several
            enhancers may share one parameter.

    Raises:
        SpecError: If an operation is unknown, or none is given.

    Example:
        >>> x = torch.randn(2, 16, 8)
        >>> torch.equal(SpatialEnhancer(8, grid=4, ops="skip")(x), x)
        True
    """

    def __init__(self, dim: int, grid: int, ops: str | Sequence[str], class_tokens: int = 0) -> None:
        super().__init__()
        self.grid, self.class_tokens = grid, class_tokens
        self.names = (ops,) if isinstance(ops, str) else tuple(ops)
        if not self.names:
            raise SpecError("A spatial enhancer needs at least one operation.")
        self.ops = nn.ModuleList(_operation(name, dim, grid) for name in self.names)
        self.alpha = nn.Parameter(1e-3 * torch.randn(len(self.names))) if len(self.names) > 1 else None
        self._kept = list(range(len(self.names)))

    @property
    def kept(self) -> tuple[str, ...]:
        """The operations that are still computed; at first all of them."""
        return tuple(self.names[place] for place in self._kept)

    def keep(self, names: Sequence[str]) -> None:
        """Reduces the mixture to some of its operations; the others are no longer computed.

        Raises:
            SpecError: If the mixture has none of them.

        Example:
            >>> enhancer = SpatialEnhancer(8, grid=4, ops=("skip", "max3", "avg3"))
            >>> enhancer.keep(("max3", "avg3"))
            >>> enhancer.kept, list(enhancer.probabilities())
            (('max3', 'avg3'), ['max3', 'avg3'])
        """
        left = [place for place in self._kept if self.names[place] in names]
        if not left:
            raise SpecError(f"The mixture has {', '.join(self.kept)}; none of these is among {', '.join(names)}.")
        self._kept = left

    def probabilities(self) -> dict[str, float]:
        """Weight of each operation that is kept; they add up to 1."""
        if self.alpha is None or len(self._kept) == 1:
            return {self.kept[0]: 1.0}
        weights: list[float] = self.alpha.detach()[self._kept].softmax(dim=0).tolist()
        return dict(zip(self.kept, weights, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        """Maps tokens `(B, class_tokens + grid^2, dim)` to tokens of the same shape."""
        if self.kept == ("skip",):
            return x
        tokens, held = _without_class_tokens(x, self.class_tokens)
        mapped = _as_map(tokens, self.grid)
        ops = [self.ops[place] for place in self._kept]
        if self.alpha is None or len(ops) == 1:
            pooled = ops[0](mapped)
        else:
            weights = self.alpha[self._kept].softmax(dim=0)
            pooled = sum(weight * op(mapped) for weight, op in zip(weights, ops, strict=True))
        flat: Tensor = pooled.flatten(2).transpose(1, 2)
        return flat if held is None else torch.cat((held, flat), dim=1)


def _operation(name: str, dim: int, grid: int) -> nn.Module:
    if name not in ENHANCERS:
        raise SpecError(f"Unknown pooling '{name}'. {suggestion(name, ENHANCERS)}")
    if name == "skip":
        return nn.Identity()
    if name == "strip":
        return Strip(dim)
    (kernel,) = fitting_kernels([int(name[3:])], grid)
    if name.startswith("max"):
        return nn.MaxPool2d(kernel, stride=1, padding=kernel // 2)
    return nn.AvgPool2d(kernel, stride=1, padding=kernel // 2, count_include_pad=False)


def _without_class_tokens(x: Tensor, count: int) -> tuple[Tensor, Tensor | None]:
    """Splits tokens into those of the map and the class tokens before them, or None."""
    return (x, None) if count == 0 else (x[:, count:], x[:, :count])


def _as_map(tokens: Tensor, grid: int) -> Tensor:
    """Arranges tokens `(B, grid^2, dim)` as a map `(B, dim, grid, grid)`."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], grid, grid)

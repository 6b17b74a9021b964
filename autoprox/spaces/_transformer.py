"""Base class of the spaces of vision transformers, with their features."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from autoprox.spaces.genes import Genes
from autoprox.spaces.space import Candidate, Space


@dataclass(frozen=True, slots=True)
class Layer:
    """Sizes of one transformer block.

    Args:
        width: Size of a token.
        heads: Number of attention heads; divides `width`.
        mlp_ratio: Size of the hidden layer of the MLP, divided by `width`.

    Example:
        >>> Layer(width=12, heads=3, mlp_ratio=0.5).hidden
        6
    """

    width: int
    heads: int
    mlp_ratio: float

    @property
    def hidden(self) -> int:
        """Size of the hidden layer of the MLP, rounded down."""
        return int(self.width * self.mlp_ratio)


@dataclass(frozen=True, eq=False, kw_only=True)
class TransformerSpace(Space):
    """A space of vision transformers with counts in closed form."""

    compared: tuple[str, ...] | None = ("depth", "mean_width", "sum_dim_depth")

    @abstractmethod
    def layers_of(self, genes: Genes) -> Sequence[Layer]:
        """The transformer blocks of allowed genes, in the order of the forward pass."""

    def layers(self, arch: Candidate) -> tuple[Layer, ...]:
        """The transformer blocks in the order of the forward pass.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return tuple(self.layers_of(self._genes(arch)))

    @property
    def identity(self) -> int:
        """The version; a space of autoprox is identified by its name otherwise."""
        return self.version

    @property
    def has_closed_form(self) -> bool:
        """True."""
        return True

    def features_of(self, genes: Genes) -> dict[str, float]:
        """Returns simple features of the shape.

        Returns:
            `depth` (blocks), `mean_width` (mean token size over blocks), `sum_dim_depth` (sum of token sizes over
            blocks), `mean_mlp_ratio` and `mean_heads` (means over blocks).
        """
        layers = self.layers_of(genes)
        depth = len(layers)
        return {
            "depth": float(depth),
            "mean_width": sum(layer.width for layer in layers) / depth,
            "sum_dim_depth": float(sum(layer.width for layer in layers)),
            "mean_mlp_ratio": sum(layer.mlp_ratio for layer in layers) / depth,
            "mean_heads": sum(layer.heads for layer in layers) / depth,
        }

    def outline(self, arch: Candidate) -> tuple[float, ...]:
        """Logarithms of depth and mean width."""
        features = self.features(arch)
        return log(features["depth"]), log(features["mean_width"])

    def spread(self, arch: Candidate) -> tuple[float, ...]:
        """Depth, and the logarithms of mean width, mean MLP ratio and mean number of heads."""
        features = self.features(arch)
        return features["depth"], *(log(features[name]) for name in ("mean_width", "mean_mlp_ratio", "mean_heads"))

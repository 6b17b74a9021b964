"""What every space offers: sampling and variation over declared genes, counts in closed form, and networks."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.base.registry import Registry
from autoprox.spaces.arch import Arch, loads_genes
from autoprox.spaces.counts import Counts
from autoprox.spaces.genes import Genes, Layout

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer block, as far as counts and features need it.

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


class AbstractSpace(ABC):
    """A set of architectures and what can be done with them.

    A space is one final class in a file of `autoprox/spaces/`, which registers its instances in `SPACES`, and one file
    in `autoprox/networks/` that bears the name of its `family` and holds a function
    `build(space, arch, num_classes, img_size, in_chans) -> torch.nn.Module`.

    Attributes:
        name: Name in the registry and in benchmark tables.
        family: Name of the module in `autoprox/networks/` that builds the networks.
        version: Raised when the networks of the family change: what was measured on the old ones is not theirs.
        layout: The genes.
        default_img_size: Image size in px that the space was made for.
        img_sizes: All image sizes in px that it takes; images are square.

    Example:
        >>> from autoprox.spaces import space
        >>> micro = space("autoformer-micro")
        >>> arch = micro.sample(np.random.default_rng(0))
        >>> micro.why_not(arch), micro.mutate(arch, np.random.default_rng(1)) == arch
        ([], False)
    """

    name: str
    family: ClassVar[str]
    version: ClassVar[int]
    layout: Layout
    default_img_size: int
    img_sizes: range

    @abstractmethod
    def layers(self, arch: Arch) -> tuple[Layer, ...]:
        """The transformer blocks in the order of the forward pass.

        Raises:
            SpecError: If the space does not allow the architecture.
        """

    @abstractmethod
    def counts(self, arch: Arch, num_classes: int, img_size: int | None = None, in_chans: int = 3) -> Counts:
        """Parameters and multiply-accumulates in closed form, without building the network.

        Args:
            arch: An architecture of this space.
            num_classes: Number of classes, at least 2.
            img_size: Edge of the image in px; the space's default if None.
            in_chans: Channels of the image, at least 1.

        Raises:
            SpecError: If the space does not allow the architecture or the image size.
        """

    def sample(self, rng: np.random.Generator) -> Arch:
        """Draws an architecture: every gene uniform and independent, per-layer genes anew for each layer."""
        return self._trusted(self.layout.sample(rng))

    def mutate(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Returns an architecture that differs in one gene; see `Layout.mutate`.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return self._trusted(self.layout.mutate(self.genes(arch), rng))

    def crossover(self, first: Arch, second: Arch, rng: np.random.Generator) -> Arch:
        """Returns an architecture whose every gene comes from one of two parents; see `Layout.crossover`.

        Raises:
            SpecError: If the space does not allow one of the architectures.
        """
        return self._trusted(self.layout.crossover(self.genes(first), self.genes(second), rng))

    def neighbours(self, arch: Arch) -> tuple[Arch, ...]:
        """Returns all architectures one gene away, distinct and in a fixed order; see `Layout.neighbours`.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return tuple(self._trusted(genes) for genes in self.layout.neighbours(self.genes(arch)))

    def why_not(self, candidate: Arch | Mapping[str, Any]) -> list[str]:
        """Says in sentences why an architecture or its genes are not allowed; an empty list if they are.

        Example:
            >>> from autoprox.spaces import space
            >>> space("pit-ti").why_not({"base_dim": 20, "mlp_ratio": 6, "depth": [2, 8, 4], "num_heads": [2, 4, 4]})
            ["The gene 'base_dim' is 20; allowed: 16, 24, 32, 40."]
        """
        if isinstance(candidate, Arch):
            if candidate.space != self.name:
                return [f"The architecture belongs to the space '{candidate.space}', not to '{self.name}'."]
            return self.layout.why_not(candidate.genes)
        return self.layout.why_not(candidate)

    def arch(self, genes: Mapping[str, Any]) -> Arch:
        """Makes an architecture of genes, brought to their canonical types.

        Raises:
            SpecError: If the space does not allow the genes; the message holds every reason.

        Example:
            >>> from autoprox.spaces import space
            >>> genes = {"base_dim": 16.0, "mlp_ratio": 6, "depth": (2, 8, 4), "num_heads": [2, 4, 4]}
            >>> space("pit-ti").arch(genes).json
            '{"base_dim":16,"depth":[2,8,4],"mlp_ratio":6,"num_heads":[2,4,4]}'
        """
        self._require(self.layout.why_not(genes))
        return self._trusted(self.layout.normalised(genes))

    def parse(self, arch_json: str) -> Arch:
        """Reads an architecture from JSON text, in whatever form it is written.

        Raises:
            SpecError: If the text is not a JSON object, or the space does not allow its genes.
        """
        return self.arch(loads_genes(arch_json, self.name))

    def genes(self, arch: Arch) -> Genes:
        """The genes of an architecture of this space, checked.

        Raises:
            SpecError: If the architecture belongs to another space, or this one does not allow it.
        """
        self._require(self.why_not(arch))
        return self.layout.normalised(arch.genes)

    def features(self, arch: Arch) -> dict[str, float]:
        """Simple shape counts, the rivals of every proxy.

        Returns:
            `depth` (blocks), `mean_width` (mean token size over blocks), `sum_dim_depth` (sum of token sizes over
            blocks), `mean_mlp_ratio` and `mean_heads` (means over blocks).

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        layers = self.layers(arch)
        depth = len(layers)
        return {
            "depth": float(depth),
            "mean_width": sum(layer.width for layer in layers) / depth,
            "sum_dim_depth": float(sum(layer.width for layer in layers)),
            "mean_mlp_ratio": sum(layer.mlp_ratio for layer in layers) / depth,
            "mean_heads": sum(layer.heads for layer in layers) / depth,
        }

    def backbone_params(self, arch: Arch) -> int:
        """Parameters without patch embedding, position embedding, class token and head: the same for every data set.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return self.counts(arch, num_classes=2).backbone_params

    def build(
        self, arch: Arch, num_classes: int, img_size: int | None = None, in_chans: int = 3, seed: int = 0
    ) -> "nn.Module":
        """Builds the network with freshly initialised parameters, in evaluation mode and on the CPU.

        Args:
            arch: An architecture of this space.
            num_classes: Number of classes, at least 2.
            img_size: Edge of the image in px; the space's default if None.
            in_chans: Channels of the image, at least 1.
            seed: Seed of the initialisation, in [0, 2**63). Same seed, same parameters; the global generators of torch
                stay as they are.

        Returns:
            A module that maps images `(B, in_chans, img_size, img_size)` to logits `(B, num_classes)`.

        Raises:
            SpecError: If the space does not allow the architecture or one of the other arguments.

        Example:
            >>> import torch
            >>> from autoprox.spaces import space
            >>> micro = space("pit-micro")
            >>> arch = micro.sample(np.random.default_rng(0))
            >>> model = micro.build(arch, num_classes=10, img_size=8, in_chans=1)
            >>> model(torch.zeros(2, 1, 8, 8)).shape
            torch.Size([2, 10])
        """
        self.genes(arch)
        task = self.check_task(num_classes, img_size, in_chans)
        # The families live one layer above, with torch; they are found by name so that a space stays free of both.
        model: nn.Module = import_module("autoprox.networks").build(self, arch, *task, seed)
        return model

    def check_task(self, num_classes: int, img_size: int | None, in_chans: int) -> tuple[int, int, int]:
        """Checks what a task asks of a network.

        Returns:
            Number of classes, edge of the image in px (the default if None was given) and channels, as plain integers.

        Raises:
            SpecError: If there are fewer than 2 classes or 1 channel, or the space does not take the image size.

        Example:
            >>> from autoprox.spaces import space
            >>> space("autoformer-ti").check_task(num_classes=10, img_size=None, in_chans=3)
            (10, 224, 3)
        """
        size = self.default_img_size if img_size is None else img_size
        if not is_whole(size) or size not in self.img_sizes:
            step = f" in steps of {self.img_sizes.step}" if self.img_sizes.step > 1 else ""
            raise SpecError(
                f"The space '{self.name}' takes images of {self.img_sizes[0]} to {self.img_sizes[-1]} px{step}, "
                f"not {img_size} px. Resize the images or choose another space."
            )
        if not is_whole(num_classes) or num_classes < 2:
            raise SpecError(
                f"A network of '{self.name}' needs a whole number of at least 2 classes, not {num_classes}."
            )
        if not is_whole(in_chans) or in_chans < 1:
            raise SpecError(f"A network of '{self.name}' needs a whole number of at least 1 channel, not {in_chans}.")
        return int(num_classes), int(size), int(in_chans)

    def _require(self, reasons: list[str]) -> None:
        if reasons:
            raise SpecError(f"The space '{self.name}' does not allow this architecture: {' '.join(reasons)}")

    def _trusted(self, genes: Genes) -> Arch:
        return Arch.of(self.name, genes)


def is_whole(value: object) -> bool:
    """Whether a value is an integer of Python or NumPy; a boolean is none.

    Example:
        >>> is_whole(np.int64(3)), is_whole(3.0), is_whole(True)
        (True, False, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


SPACES: Registry[AbstractSpace] = Registry("space")
"""All spaces by name; `autoprox.spaces` fills it."""

"""Space: genes, builder and costs of a set of architectures."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.base.references import resolved
from autoprox.base.registry import Registry
from autoprox.spaces._arch import Arch, loads_genes
from autoprox.spaces._closed_counts import Counts, Storage
from autoprox.spaces.genes import Genes
from autoprox.spaces.layout import Layout
from autoprox.spaces.task import TaskShape, checked_task, own_task

if TYPE_CHECKING:
    from torch import nn

Candidate: TypeAlias = Arch | Mapping[str, Any]
"""An architecture, or its genes by name."""

Builder: TypeAlias = Callable[["Space", Genes, TaskShape, int], "nn.Module"]
"""Maps a space, allowed genes, a task and the seed of the initialisation to a network in evaluation mode."""


STEADY = 0.01
"""Unsteadiness of networks that compute in floating point throughout."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Space(ABC):
    """A set of architectures: sampling, variation, costs, and building of networks.

    Create one with `autoprox.define_space`. The spaces of autoprox are instances of final classes in
    `autoprox/spaces/`, registered in `SPACES`.

    Args:
        name: Name in benchmark tables.
        layout: The genes.
        builder: Function that builds the networks, or a reference `module:function`, imported when a network is built.
        default_img_size: Default image size in px.
        img_sizes: All allowed image sizes in px, in ascending order; images are square.
        version: Raised when the networks change, which invalidates stored measurements.
        compared: The features that proxies are compared with; all if None.
        reference: Argument of `load_space` that gives this space; None if there is no such argument.
        place: The same as an absolute path, for a space in your code.
        own_task: The only task of the networks, if they are derived from a trained network; None if they can be built
            for any task. With it, `space.build(arch)` needs no task.
        unsteadiness: Largest accepted change of scores when images and weights change in the sixth digit, relative to
            the spread of scores. Larger than the default for networks that round activations.
        own_statistics: Statistics that only these networks have; discovery uses them in addition to the common ones.

    Example:
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("autoformer-micro")
        >>> arch = micro.sample(np.random.default_rng(0))
        >>> micro.why_not(arch), micro.mutate(arch, np.random.default_rng(1)) == arch
        ([], False)
    """

    name: str
    layout: Layout
    builder: Builder | str
    default_img_size: int
    img_sizes: Sequence[int]
    version: int = 1
    compared: tuple[str, ...] | None = None
    reference: str | None = None
    place: str | None = None
    own_task: TaskShape | None = None
    unsteadiness: float = STEADY
    own_statistics: tuple[str, ...] = ()

    @property
    @abstractmethod
    def identity(self) -> int | str:
        """Identity of its networks among spaces of the same name; part of the keys of everything stored."""

    @property
    @abstractmethod
    def has_closed_form(self) -> bool:
        """True if counts are computed by a formula, without building the network."""

    @abstractmethod
    def counts_of(self, genes: Genes, task: TaskShape) -> Counts:
        """Returns the counts of a network; called by `counts` with allowed genes and a checked task."""

    @abstractmethod
    def features_of(self, genes: Genes) -> dict[str, float]:
        """Returns the features of allowed genes; must not change the genes."""

    @property
    def elastic(self) -> "Space":
        """The space of the networks in a supernet of this space; by default the space itself."""
        return self

    def storage_of(self, genes: Genes, task: TaskShape) -> Storage:
        """Returns the storage of a network, by default for single precision."""
        counts = self.counts_of(genes, task)
        return Storage.of_single_precision(counts)

    def sample(self, rng: np.random.Generator) -> Arch:
        """Draws an architecture; every gene, and every value of a list, is uniform and independent.

        Raises:
            SpecError: If hardly any combination of genes is allowed.
        """
        return self._trusted(self.layout.sample(rng))

    def mutate(self, arch: Candidate, rng: np.random.Generator) -> Arch:
        """Returns an architecture that differs in one gene; see `Layout.mutate`.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return self._trusted(self.layout.mutate(self._genes(arch), rng))

    def crossover(self, first: Candidate, second: Candidate, rng: np.random.Generator) -> Arch:
        """Returns an architecture with every gene taken from one of two parents; see `Layout.crossover`.

        Raises:
            SpecError: If the space does not allow one of the architectures.
        """
        return self._trusted(self.layout.crossover(self._genes(first), self._genes(second), rng))

    def neighbours(self, arch: Candidate) -> tuple[Arch, ...]:
        """Returns all architectures one gene away, distinct and in a fixed order; see `Layout.neighbours`.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return tuple(self._trusted(genes) for genes in self.layout.neighbours(self._genes(arch)))

    def why_not(self, candidate: Candidate) -> list[str]:
        """Returns the reasons why an architecture or its genes are not allowed, as sentences; empty if allowed.

        Example:
            >>> from autoprox.spaces import load_space
            >>> genes = {"base_dim": 20, "mlp_ratio": 6, "depth": [2, 8, 4], "num_heads": [2, 4, 4]}
            >>> load_space("pit-ti").why_not(genes)
            ["The gene 'base_dim' is 20; allowed: 16, 24, 32, 40."]
        """
        if not isinstance(candidate, Arch):
            return self.layout.why_not(candidate)
        if candidate.space != self.name:
            return [f"The architecture belongs to the space '{candidate.space}', not to '{self.name}'."]
        return self.layout.why_not(candidate.genes)

    def arch(self, genes: Candidate) -> Arch:
        """Makes an architecture of genes in canonical types; an architecture is checked and returned.

        Raises:
            SpecError: If the space does not allow the genes; the message gives every reason.

        Example:
            >>> from autoprox.spaces import load_space
            >>> genes = {"base_dim": 16.0, "mlp_ratio": 6, "depth": (2, 8, 4), "num_heads": [2, 4, 4]}
            >>> load_space("pit-ti").arch(genes).json
            '{"base_dim":16,"depth":[2,8,4],"mlp_ratio":6,"num_heads":[2,4,4]}'
        """
        allowed = self._genes(genes)
        known = isinstance(genes, Arch) and genes.genes_checked_by(self.layout) is not None
        return genes if isinstance(genes, Arch) and known else self._trusted(allowed)

    def parse(self, arch_json: str) -> Arch:
        """Reads an architecture from JSON text in any formatting.

        Raises:
            SpecError: If the text is not a JSON object, or the space does not allow its genes.
        """
        return self.arch(loads_genes(arch_json, self.name))

    def genes(self, arch: Candidate) -> Genes:
        """Returns the checked genes of an architecture in canonical types, as a new copy.

        Raises:
            SpecError: If the architecture belongs to another space, or this one does not allow it.
        """
        return self.arch(arch).genes

    def features(self, arch: Candidate) -> dict[str, float]:
        """Returns features of an architecture, such as depth and width, without building it: baselines of proxies.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return self.features_of(self._genes(arch))

    def rivals(self, arch: Candidate) -> dict[str, float]:
        """Returns the features that proxies are compared with.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        found = self.features(arch)
        return found if self.compared is None else {name: found[name] for name in self.compared}

    def outline(self, arch: Candidate) -> tuple[float, ...]:
        """Returns coordinates in which similar architectures are close; splits of a table are balanced by them.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return tuple(float(np.arcsinh(value)) for value in self.features(arch).values())

    def spread(self, arch: Candidate) -> tuple[float, ...]:
        """Returns the coordinates in which a table builder spreads its architectures evenly.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return self.outline(arch)

    def counts(
        self,
        arch: Candidate,
        num_classes: int | None = None,
        img_size: int | None = None,
        in_chans: int | None = None,
    ) -> Counts:
        """Returns parameters and multiply-accumulates, in closed form if available, otherwise counted in the network.

        Args:
            arch: An architecture of this space, or its genes.
            num_classes: Number of classes, at least 2; None for a space with `own_task`.
            img_size: Edge of the image in px; the space's default if None.
            in_chans: Channels of the image, at least 1; 3 if None.

        Raises:
            SpecError: If the space does not allow the architecture or the image size.

        Example:
            >>> from autoprox.spaces import load_space
            >>> genes = {"hidden_dim": 192, "depth": 12, "mlp_ratio": [4.0] * 12, "num_heads": [3] * 12}
            >>> load_space("autoformer-ti").counts(genes, num_classes=1000).params
            5717416
        """
        return self.counts_of(self._genes(arch), self.check_task(num_classes, img_size, in_chans))

    def params(
        self,
        arch: Candidate,
        num_classes: int | None = None,
        img_size: int | None = None,
        in_chans: int | None = None,
    ) -> int:
        """Returns only the parameters of `counts`, without running a network.

        Raises:
            SpecError: If the space does not allow the architecture or the image size.
        """
        return self.params_of(self._genes(arch), self.check_task(num_classes, img_size, in_chans))

    def size(self, arch: Candidate) -> int:
        """Returns the size shared by the architectures of an iso stratum, which does not depend on the data set.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return self.size_of(self._genes(arch))

    def backbone_params(self, arch: Candidate) -> int:
        """Returns the size of an architecture, independent of the data set; see `Counts.backbone_params`.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return self.backbone_params_of(self._genes(arch))

    def size_of(self, genes: Genes) -> int:
        """Returns the backbone parameters, unless all networks of the space have equally many."""
        return self.backbone_params_of(genes)

    def params_of(self, genes: Genes, task: TaskShape) -> int:
        """Returns the parameters of `counts_of`; overridden by spaces that compute them faster alone."""
        return self.counts_of(genes, task).params

    def backbone_params_of(self, genes: Genes) -> int:
        """Returns the backbone parameters of `counts_of`; overridden by spaces that compute them faster alone."""
        return self.counts_of(genes, self.own_task or self.check_task(2)).backbone_params

    def storage(
        self,
        arch: Candidate,
        num_classes: int | None = None,
        img_size: int | None = None,
        in_chans: int | None = None,
    ) -> Storage:
        """Returns the bytes of the weights and the bit operations; same arguments as `counts`.

        Raises:
            SpecError: If the space does not allow the architecture or the image size.

        Example:
            >>> from autoprox.spaces import load_space
            >>> micro = load_space("pit-micro")
            >>> arch = micro.sample(np.random.default_rng(0))
            >>> micro.counts(arch, 10).params, micro.storage(arch, 10).weight_bytes
            (134434, 537736)
        """
        return self.storage_of(self._genes(arch), self.check_task(num_classes, img_size, in_chans))

    def build(
        self,
        arch: Candidate,
        num_classes: int | None = None,
        img_size: int | None = None,
        in_chans: int | None = None,
        seed: int = 0,
    ) -> "nn.Module":
        """Builds the network with newly initialised parameters, in evaluation mode on the CPU.

        Args:
            arch: An architecture of this space, or its genes.
            num_classes: Number of classes, at least 2; None for a space with `own_task`.
            img_size: Edge of the image in px; the space's default if None.
            in_chans: Channels of the image, at least 1; 3 if None.
            seed: Seed of the initialisation, in [0, 2**63), which determines the parameters; torch's global generators
                are unchanged.

        Returns:
            A module that maps images `(B, in_chans, img_size, img_size)` to logits `(B, num_classes)`.

        Raises:
            SpecError: If the space does not allow the architecture or another argument is invalid.

        Example:
            >>> import torch
            >>> from autoprox.spaces import load_space
            >>> micro = load_space("pit-micro")
            >>> arch = micro.sample(np.random.default_rng(0))
            >>> model = micro.build(arch, num_classes=10, img_size=8, in_chans=1)
            >>> model(torch.zeros(2, 1, 8, 8)).shape
            torch.Size([2, 10])
        """
        genes, task = self.genes(arch), self.check_task(num_classes, img_size, in_chans)
        builder: Builder = resolved(self.builder)
        return builder(self, genes, task, seed)

    def check_task(
        self, num_classes: int | None = None, img_size: int | None = None, in_chans: int | None = None
    ) -> TaskShape:
        """Checks a task for this space and fills in defaults.

        Returns:
            Number of classes, edge of the image in px (by default `default_img_size`) and channels (3 by default), as
            plain integers; in a space with `own_task`, that task.

        Raises:
            SpecError: If there are fewer than 2 classes or 1 channel, or the space does not allow the image size or the
                task.

        Example:
            >>> from autoprox.spaces import load_space
            >>> load_space("autoformer-ti").check_task(num_classes=10, img_size=None, in_chans=3)
            TaskShape(num_classes=10, img_size=224, in_chans=3)
        """
        given = (num_classes, img_size, in_chans)
        if self.own_task is not None:
            return own_task(self.name, self.own_task, *given)
        return checked_task(self.name, self.img_sizes, self.default_img_size, *given)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        # Another process loads it by its reference; a space without one is pickled as a whole.
        if self.reference is None:
            return super().__reduce_ex__(protocol)
        return referenced, (self.reference, self.place or self.reference)

    def _genes(self, candidate: Candidate) -> Genes:
        """Returns allowed genes in canonical form, for reading only."""
        if isinstance(candidate, Arch):
            known = candidate.genes_checked_by(self.layout)
            if known is not None:
                return known
            candidate_genes: Mapping[str, Any] = candidate.genes
        else:
            candidate_genes = candidate
        if reasons := self.why_not(candidate):
            raise SpecError(f"The space '{self.name}' does not allow this architecture: {' '.join(reasons)}")
        return self.layout.normalised(candidate_genes)

    def _trusted(self, genes: Genes) -> Arch:
        return Arch.trusted(self.name, genes, self.layout)


SPACES: Registry[Space] = Registry("space")
"""The spaces of autoprox by name, registered by `autoprox.spaces`."""


@lru_cache(maxsize=64)
def referenced(reference: str, place: str) -> Space:
    """Loads a space by its place and keeps the user's reference.

    Args:
        reference: The reference given by the user.
        place: Name of a registered space, or `module:name` or `file:name`, which is imported.

    Raises:
        SpecError: If the place cannot be imported, or the object is not a space.
    """
    found = SPACES[place] if place in SPACES else resolved(place)
    if not isinstance(found, Space):
        raise SpecError(
            f"'{reference}' is a {type(found).__name__}, not a space. Name the object that "
            "autoprox.define_space returned."
        )
    return found if found.reference is not None else replace(found, reference=reference, place=place)

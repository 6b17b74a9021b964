"""Space: genes, how a network is built, and its costs."""

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
"""From a space, allowed genes, a task and the seed of the initialisation to a network in evaluation mode."""


STEADY = 0.01
"""The unsteadiness of networks that compute in floating point alone."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Space(ABC):
    """A set of architectures and what can be done with them.

    There are two ways to one: a final class in `autoprox/spaces/`, whose instances are registered in `SPACES`, and
    `autoprox.define_space`, for a space in your file.

    Args:
        name: Name in benchmark tables.
        layout: The genes.
        builder: What builds the networks, or where it stands: `module:function`, imported when a network is built.
        default_img_size: Image size in px that the space was made for.
        img_sizes: All image sizes in px that it takes, in ascending order; images are square.
        version: Raised when the networks change: what was measured on the old ones is not theirs.
        compared: The features that proxies are compared with; all if None.
        reference: What `load_space` finds the space by; None if it finds it by nothing.
        place: The same from any folder, for a space in your code.
        own_task: The one task that its networks are for, where they are made of a given one; None where they are built
            for any task. It need not be named then: `space.build(arch)`.
        unsteadiness: By how much scores of its networks may move when images and weights change in the sixth digit, as
            a share of how far scores lie apart. Larger than usual where networks round what goes through them.
        own_statistics: Counts that tell its networks apart; discovery draws them beside those of all networks.

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
        """Identity of its networks among those of other spaces of its name; part of the keys of all that is stored."""

    @property
    @abstractmethod
    def has_closed_form(self) -> bool:
        """Whether counts are computed by a formula, and not by building the network."""

    @abstractmethod
    def counts_of(self, genes: Genes, task: TaskShape) -> Counts:
        """Costs of a network; `counts` calls it with allowed genes and a task that was checked."""

    @abstractmethod
    def features_of(self, genes: Genes) -> dict[str, float]:
        """The features of allowed genes, which are not to be changed."""

    @property
    def elastic(self) -> "Space":
        """The space whose networks share parameters in a supernet of this one: itself, unless it says otherwise."""
        return self

    def storage_of(self, genes: Genes, task: TaskShape) -> Storage:
        """Bytes of the weights and bit operations: those of single precision, unless a space knows better."""
        counts = self.counts_of(genes, task)
        return Storage.of_single_precision(counts)

    def sample(self, rng: np.random.Generator) -> Arch:
        """Draws an architecture: every gene uniform and independent, the values of a list one by one.

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
        """Returns an architecture whose every gene comes from one of two parents; see `Layout.crossover`.

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
        """Says in sentences why an architecture or its genes are not allowed; an empty list if they are.

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
        """Makes an architecture of genes, brought to their canonical types; an architecture stays what it is.

        Raises:
            SpecError: If the space does not allow the genes; the message holds every reason.

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
        """Reads an architecture from JSON text, in whatever form it is written.

        Raises:
            SpecError: If the text is not a JSON object, or the space does not allow its genes.
        """
        return self.arch(loads_genes(arch_json, self.name))

    def genes(self, arch: Candidate) -> Genes:
        """The genes of an architecture of this space, checked and in their canonical types; a fresh copy.

        Raises:
            SpecError: If the architecture belongs to another space, or this one does not allow it.
        """
        return self.arch(arch).genes

    def features(self, arch: Candidate) -> dict[str, float]:
        """Features of an architecture without building it, such as depth and width: the rivals of every proxy.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return self.features_of(self._genes(arch))

    def rivals(self, arch: Candidate) -> dict[str, float]:
        """The features that proxies are compared with.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        found = self.features(arch)
        return found if self.compared is None else {name: found[name] for name in self.compared}

    def outline(self, arch: Candidate) -> tuple[float, ...]:
        """Coordinates in which architectures of one shape lie close: splits of a table are made alike by them.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return tuple(float(np.arcsinh(value)) for value in self.features(arch).values())

    def spread(self, arch: Candidate) -> tuple[float, ...]:
        """Coordinates over which the architectures of a built table are spread evenly.

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
        """Parameters and multiply-accumulates: in closed form where the space has one, else counted in the network.

        Args:
            arch: An architecture of this space, or its genes.
            num_classes: Number of classes, at least 2; None in a space with a task of its own.
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
        """The parameters of `counts` alone, for which a network that has to be counted is not run.

        Raises:
            SpecError: If the space does not allow the architecture or the image size.
        """
        return self.params_of(self._genes(arch), self.check_task(num_classes, img_size, in_chans))

    def size(self, arch: Candidate) -> int:
        """Size that the architectures of an iso stratum share, whatever the data set.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return self.size_of(self._genes(arch))

    def backbone_params(self, arch: Candidate) -> int:
        """The size of an architecture whatever the data set: see `Counts.backbone_params`.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        return self.backbone_params_of(self._genes(arch))

    def size_of(self, genes: Genes) -> int:
        """The backbone parameters, unless the networks of a space have all the same."""
        return self.backbone_params_of(genes)

    def params_of(self, genes: Genes, task: TaskShape) -> int:
        """The parameters that `counts_of` gives; for spaces that know them sooner than the rest."""
        return self.counts_of(genes, task).params

    def backbone_params_of(self, genes: Genes) -> int:
        """The backbone parameters that `counts_of` gives; for spaces that know them sooner than the rest."""
        return self.counts_of(genes, self.own_task or self.check_task(2)).backbone_params

    def storage(
        self,
        arch: Candidate,
        num_classes: int | None = None,
        img_size: int | None = None,
        in_chans: int | None = None,
    ) -> Storage:
        """Bytes of the weights and bit operations; the arguments are those of `counts`.

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
        """Builds the network with freshly initialised parameters, in evaluation mode and on the CPU.

        Args:
            arch: An architecture of this space, or its genes.
            num_classes: Number of classes, at least 2; None in a space with a task of its own.
            img_size: Edge of the image in px; the space's default if None.
            in_chans: Channels of the image, at least 1; 3 if None.
            seed: Seed of the initialisation, in [0, 2**63). Same seed, same parameters; the global generators of torch
                stay as they are.

        Returns:
            A module that maps images `(B, in_chans, img_size, img_size)` to logits `(B, num_classes)`.

        Raises:
            SpecError: If the space does not allow the architecture or one of the other arguments.

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
        """Checks what a task asks of a network.

        Returns:
            Number of classes, edge of the image in px (the default if None was given) and channels (3 if None was
            given), as plain integers; for None in a space with a task of its own, those of that task.

        Raises:
            SpecError: If there are fewer than 2 classes or 1 channel, or the space does not take the image size or the
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
        # Another process finds it as this one did; a space without a reference travels with all that it holds.
        if self.reference is None:
            return super().__reduce_ex__(protocol)
        return referenced, (self.reference, self.place or self.reference)

    def _genes(self, candidate: Candidate) -> Genes:
        """Allowed genes in canonical form, not to be changed."""
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
"""The spaces that come with autoprox, by name; `autoprox.spaces` fills it."""


@lru_cache(maxsize=64)
def referenced(reference: str, place: str) -> Space:
    """Finds a space by a reference and the place that it names.

    Args:
        reference: The words of the user, which the space keeps.
        place: Name of a registered space, or `module:name` or `file:name`, which is imported.

    Raises:
        SpecError: If the place cannot be imported, or what it holds is not a space.
    """
    found = SPACES[place] if place in SPACES else resolved(place)
    if not isinstance(found, Space):
        raise SpecError(
            f"'{reference}' is a {type(found).__name__}, not a space. Name what autoprox.define_space returned."
        )
    return found if found.reference is not None else replace(found, reference=reference, place=place)

"""Base class of spaces around a trained network: the network, its maps, and compressed copies."""

import copy
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import array_digest, digest
from autoprox.base.errors import SpecError
from autoprox.base.foreign import guarded
from autoprox.compress._linear_maps import EDGES, LinearMap, MapGroup, grouped, linear_maps
from autoprox.networks import load_checkpoint, module_digest, seeded
from autoprox.networks.measuring import macs, parameters
from autoprox.spaces import Candidate, Counts, Space, TaskShape
from autoprox.spaces.genes import Genes

ORIGIN = "autoprox_origin"
"""Attribute of a compressed network with its origin."""
_SHAPES = 2
# Number of images for finding maps and their uses; only ranges and energies need all images.
_PARTS = 3
# Number of coordinates of `spread`.
FACTS = "autoprox_compression"
"""Attribute of a compressed map with the figures that statistics read."""


class CompressionOrigin:
    """Origin of a compressed network.

    Args:
        space: The space that built it.
        choices: Index of the choice of each group.
    """

    __slots__ = ("choices", "space")

    def __init__(self, space: "CompressedSpace", choices: tuple[int, ...]) -> None:
        self.space = space
        self.choices = choices

    def __deepcopy__(self, _memo: dict[int, Any]) -> "CompressionOrigin":
        return self


@dataclass(frozen=True, slots=True, eq=False)
class SourceNetwork:
    """A trained network with its maps.

    Args:
        source: A copy of the network, in evaluation mode.
        digest: Digest of network and images.
        groups: Groups of maps with choices, in forward order.
        edges: Embedding and head, if they have no choices.
        task: Number of classes, and size and channels of images.
        counts: Parameters and multiply-accumulates of the network.
    """

    source: nn.Module
    digest: str
    groups: tuple[MapGroup, ...]
    edges: tuple[LinearMap, ...]
    task: TaskShape
    counts: Counts

    @property
    def maps(self) -> list[LinearMap]:
        """The maps of all groups."""
        return [each for group in self.groups for each in group.maps]


def look_at(model: nn.Module, images: Any, checkpoint: str | Path | None, *, edges: bool, plain: bool) -> SourceNetwork:
    """Copies a network and finds its maps.

    Args:
        model: The network, unchanged afterwards.
        images: A batch `(B, C, H, W)` of square images.
        checkpoint: A safetensors file of its parameters; None if the model is already trained.
        edges: True to include embedding and head.
        plain: True to include linear layers only.

    Raises:
        CollectionError: If the model has no linear map, is already quantised, or fails on the images.
        SpecError: If no map remains, the images are not a batch of square images that NumPy can hold, a parameter is
            not finite, or the model cannot be copied.
    """
    if not isinstance(model, nn.Module):
        raise SpecError(f"The model is a {type(model).__name__}; give a trained torch.nn.Module.")
    batch = as_batch(images)
    if batch.ndim != 4 or batch.shape[2] != batch.shape[3]:
        raise SpecError(f"The images have the shape {tuple(batch.shape)}; give a batch (B, C, H, W) of square images.")
    if any(hasattr(module, FACTS) for module in model.modules()):
        raise SpecError(f"The {type(model).__name__} is already compressed; give the original network.")
    kind = type(model).__name__
    with guarded(lambda reason: SpecError(f"The {kind} cannot be copied: {reason}. Remove hooks from its weights.")):
        source = copy.deepcopy(model).eval()
    if checkpoint is not None:
        load_checkpoint(source, checkpoint)
    for name, parameter in source.named_parameters():
        parameter.grad = None
        if not torch.isfinite(parameter).all():
            raise SpecError(f"The parameter '{name}' of the {kind} contains NaN or infinity; give a trained network.")
    few = batch[:_SHAPES]
    maps, classes = linear_maps(source, few)
    inner = [each for each in maps if (edges or each.role not in EDGES) and (each.plain or not plain)]
    if not inner:
        wanted = "plain linear layer" if plain else "linear map"
        raise SpecError(
            f"The {kind} has no {wanted} except embedding and head, so that there is nothing to "
            "compress; give another network."
        )
    task = TaskShape(classes, batch.shape[-1], batch.shape[1])
    params = parameters(source)
    return SourceNetwork(
        source,
        digest([module_digest(source), array_digest(batch.cpu().numpy())]),
        tuple(grouped(source, few, inner)),
        tuple(each for each in maps if each.role in EDGES and each not in inner),
        task,
        Counts(params, macs(source, batch[:1]), params),
    )


def as_batch(images: Any) -> Tensor:
    """Converts images to a tensor without a gradient.

    Raises:
        SpecError: If they cannot be converted, or have a type that NumPy lacks, such as bfloat16.
    """
    if isinstance(images, str):
        raise SpecError(f"The images are the text {images!r}; give a batch (B, C, H, W) of square images.")
    failure = "The images cannot be converted to a tensor: {}. Give a batch (B, C, H, W) of square images."
    with guarded(lambda reason: SpecError(failure.format(reason))):
        batch = torch.as_tensor(images).detach()
    if batch.dtype is torch.bfloat16:
        raise SpecError("The images are torch.bfloat16; give float32 images, and the model in float32.")
    return batch


@dataclass(frozen=True, eq=False, kw_only=True)
class CompressedSpace(Space):
    """A space of choices for the maps of one trained network.

    `space.build(arch)` needs no task, since the network determines it.

    Args:
        given: The network and its groups of maps.
        choices: The choices of a group, in the order of the gene's choices.
        tables: Cached values of the choices, by proxy and batch.
    """

    given: SourceNetwork
    choices: Sequence[float]
    tables: dict[str | None, Floats] = field(default_factory=dict, repr=False)
    builder: str = "autoprox.compress._compressed:build"

    @property
    @abstractmethod
    def gene(self) -> str:
        """Name of the gene, a list over the groups."""

    @property
    @abstractmethod
    def settings(self) -> list[Any]:
        """Further settings that determine the networks, as JSON-like data."""

    @abstractmethod
    def weight_with(self, found: LinearMap, choice: float) -> Tensor:
        """The weight of a map after a choice, in the shape of the trained weight."""

    @abstractmethod
    def compressed(self, choices: tuple[int, ...]) -> nn.Module:
        """Builds a network, given the index of each group's choice."""

    @property
    def groups(self) -> tuple[MapGroup, ...]:
        """Groups of maps in forward order, one per place of the gene."""
        return self.given.groups

    @property
    def source(self) -> nn.Module:
        """A copy of the trained network; do not change it."""
        return self.given.source

    @cached_property
    def identity(self) -> str:
        """Digest of the network, its parameters, the images, and the choices."""
        names = [[each.name for each in group.maps] for group in self.groups]
        return digest([self.name, self.version, self.given.digest, names, list(self.choices), self.settings])

    @property
    def has_closed_form(self) -> bool:
        """True: counts have formulas."""
        return True

    def spread(self, arch: Candidate) -> tuple[float, ...]:
        """Mean choice in each third of the groups, from the first layers to the last."""
        chosen = np.array_split(np.array(self.genes(arch)[self.gene], dtype=np.float64), min(_PARTS, len(self.groups)))
        return tuple(float(part.mean()) for part in chosen)

    def chosen(self, genes: Genes) -> tuple[int, ...]:
        """Index of the choice of each group."""
        places = {choice: place for place, choice in enumerate(self.choices)}
        return tuple(places[each] for each in genes[self.gene])

    def maps_with(self, genes: Genes) -> list[tuple[LinearMap, float]]:
        """Every map of the groups with its choice."""
        pairs = zip(self.groups, genes[self.gene], strict=True)
        return [(each, choice) for group, choice in pairs for each in group.maps]


def _build(space: Space, genes: Genes, _task: TaskShape) -> nn.Module:
    if not isinstance(space, CompressedSpace):
        raise SpecError(f"The space '{space.name}' is not around a trained network.")
    choices = space.chosen(genes)
    model = space.compressed(choices)
    setattr(model, ORIGIN, CompressionOrigin(space, choices))
    return model


build = seeded(_build)
"""Builds the network of allowed genes; its parameters depend on the trained network only, not on the seed."""


def origin_of(model: nn.Module) -> CompressionOrigin | None:
    """Origin of a network; None if no space around a trained network built it."""
    found = getattr(model, ORIGIN, None)
    return found if isinstance(found, CompressionOrigin) else None


def default_name(model: nn.Module, kind: str) -> str:
    """Default name of a space: the network's class, and the kind of choices."""
    return f"{type(model).__name__.lower().strip('_')}-{kind}"


def replace_module(model: nn.Module, name: str, module: nn.Module) -> None:
    """Replaces a module by another."""
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)

"""Base of spaces around a trained network: the network, its maps, and a copy in which parts are replaced."""

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
from autoprox.compress._linear_maps import EDGES, LinearMap, MapGroup, grouped, linear_maps
from autoprox.networks import load_checkpoint, module_digest, seeded
from autoprox.networks.measuring import macs, parameters
from autoprox.spaces import Candidate, Counts, Space, TaskShape
from autoprox.spaces.genes import Genes

ORIGIN = "autoprox_origin"
"""The attribute of a compressed network that says where it comes from."""
_SHAPES = 2
# Images that show which maps there are and how they are used; all are needed for ranges and energies alone.
_PARTS = 3
# Coordinates over which the choices of a table are spread.
FACTS = "autoprox_compression"
"""The attribute of a compressed map that holds its numbers, which statistics read."""


class CompressionOrigin:
    """Where a compressed network comes from.

    Args:
        space: The space that built it.
        choices: For each group, the place of its choice.
    """

    __slots__ = ("choices", "space")

    def __init__(self, space: "CompressedSpace", choices: tuple[int, ...]) -> None:
        self.space = space
        self.choices = choices

    def __deepcopy__(self, _memo: dict[int, Any]) -> "CompressionOrigin":
        return self


@dataclass(frozen=True, slots=True, eq=False)
class SourceNetwork:
    """A trained network, looked at.

    Args:
        source: A copy of it, in evaluation mode.
        digest: Digest of it and of the images.
        groups: What is chosen for, in forward order.
        edges: Embedding and head, which have a default of their own.
        task: Classes, and size and channels of its images.
        counts: Parameters and multiply-accumulates of it.
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
        model: The network; it is left as it was.
        images: A batch `(B, C, H, W)` of square images.
        checkpoint: A safetensors file of its parameters; None if it has them.
        edges: Whether embedding and head are chosen for as well.
        plain: Whether only linear layers are chosen for.

    Raises:
        CollectionError: If the model has no linear map, is quantised already, or fails on the images.
        SpecError: If nothing is left to choose for, or the images are not square.
    """
    if not isinstance(model, nn.Module):
        raise SpecError(f"The model is a {type(model).__name__}; give a trained torch.nn.Module.")
    batch = torch.as_tensor(images)
    if batch.ndim != 4 or batch.shape[2] != batch.shape[3]:
        raise SpecError(f"The images have the shape {tuple(batch.shape)}; give a batch (B, C, H, W) of square ones.")
    if any(hasattr(module, FACTS) for module in model.modules()):
        raise SpecError(f"The {type(model).__name__} is compressed already; give the network before that.")
    source = copy.deepcopy(model).eval()
    if checkpoint is not None:
        load_checkpoint(source, checkpoint)
    for parameter in source.parameters():
        parameter.grad = None
    few = batch[:_SHAPES]
    maps, classes = linear_maps(source, few)
    inner = [each for each in maps if (edges or each.role not in EDGES) and (each.plain or not plain)]
    if not inner:
        kind = "plain linear layer" if plain else "linear map"
        raise SpecError(
            f"The {type(model).__name__} has no {kind} beside embedding and head, so there is nothing to compress; "
            "give a network with some."
        )
    task = TaskShape(classes, batch.shape[-1], batch.shape[1])
    params = parameters(source)
    return SourceNetwork(
        source,
        digest([module_digest(source), array_digest(batch.detach().cpu().numpy())]),
        tuple(grouped(source, few, inner)),
        tuple(each for each in maps if each.role in EDGES and each not in inner),
        task,
        Counts(params, macs(source, batch[:1]), params),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class CompressedSpace(Space):
    """A space whose architectures are choices about one trained network.

    `space.build(arch)` needs no task: it has that of the network.

    Args:
        given: The network and its groups of maps.
        choices: What each group may be, in the order of the gene's choices.
        tables: What proxies found of the choices, by proxy and batch.
    """

    given: SourceNetwork
    choices: Sequence[float]
    tables: dict[str | None, Floats] = field(default_factory=dict, repr=False)
    builder: str = "autoprox.compress._compressed:build"

    @property
    @abstractmethod
    def gene(self) -> str:
        """The name of the gene, which is a list along the groups."""

    @property
    @abstractmethod
    def settings(self) -> list[Any]:
        """Settings that the networks depend on beside the given one, as JSON-like data."""

    @abstractmethod
    def weight_with(self, found: LinearMap, choice: float) -> Tensor:
        """The weight of a map as a choice makes it, of the trained weight's shape."""

    @abstractmethod
    def compressed(self, choices: tuple[int, ...]) -> nn.Module:
        """Builds the network of a choice for each group, as places in `choices`."""

    @property
    def groups(self) -> tuple[MapGroup, ...]:
        """Groups that are chosen for, in forward order: the places of the gene."""
        return self.given.groups

    @property
    def source(self) -> nn.Module:
        """A copy of the network that the space is made of; do not change it."""
        return self.given.source

    @cached_property
    def identity(self) -> str:
        """Digest of the network, its parameters, the images, and the choices."""
        names = [[each.name for each in group.maps] for group in self.groups]
        return digest([self.name, self.version, self.given.digest, names, list(self.choices), self.settings])

    @property
    def has_closed_form(self) -> bool:
        """Counts are computed by formulas."""
        return True

    def spread(self, arch: Candidate) -> tuple[float, ...]:
        """Mean choice in each third of the groups, from the first layers to the last."""
        chosen = np.array_split(np.array(self.genes(arch)[self.gene], dtype=np.float64), min(_PARTS, len(self.groups)))
        return tuple(float(part.mean()) for part in chosen)

    def chosen(self, genes: Genes) -> tuple[int, ...]:
        """For each group, the place of its choice."""
        places = {choice: place for place, choice in enumerate(self.choices)}
        return tuple(places[each] for each in genes[self.gene])

    def maps_with(self, genes: Genes) -> list[tuple[LinearMap, float]]:
        """Every map of the groups with what was chosen for it."""
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
"""Builds the network of allowed genes; its parameters follow from the given network alone, whatever the seed is."""


def origin_of(model: nn.Module) -> CompressionOrigin | None:
    """Where a network comes from; None if it was not built by a space around a trained one."""
    found = getattr(model, ORIGIN, None)
    return found if isinstance(found, CompressionOrigin) else None


def default_name(model: nn.Module, kind: str) -> str:
    """The name of a space: that of the network's class, and what is chosen."""
    return f"{type(model).__name__.lower().strip('_')}-{kind}"


def replace_module(model: nn.Module, name: str, module: nn.Module) -> None:
    """Puts a module into the place of another."""
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)

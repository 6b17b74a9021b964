"""Spaces of users: genes and a function that builds a network."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import numpy as np
from torch import nn

from autoprox.base.content import content
from autoprox.base.digest import canonical_json, digest
from autoprox.base.errors import RegistryError, SpecError
from autoprox.base.numbers import is_whole
from autoprox.base.references import resolved
from autoprox.networks._blueprint import Blueprint
from autoprox.networks._seeding import seeded
from autoprox.networks.measuring import measured, parameters, parameters_and_macs
from autoprox.spaces import SPACES, STEADY, Counts, Gene, Layout, Space, TaskShape
from autoprox.spaces.genes import Genes, copied, json_form
from autoprox.spaces.layout import Valid
from autoprox.spaces.space import Builder

Build: TypeAlias = Callable[[Mapping[str, Any], TaskShape], nn.Module]
"""From genes and a task to a network with fresh parameters."""
Costs: TypeAlias = Callable[[Mapping[str, Any], TaskShape], Counts]
Features: TypeAlias = Callable[[Mapping[str, Any]], Mapping[str, float]]

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, eq=False, kw_only=True)
class DefinedSpace(Space):
    """A space that `define_space` made.

    Args:
        function: Builds a network, or where it stands.
        costs: Counts in closed form, if there is one.
        described: The features; if None, those that `features_of` makes of numeric genes.
    """

    function: Build | str
    costs: Costs | None
    described: Features | None
    builder: Builder | str = "autoprox.networks._define:build"

    @cached_property
    def identity(self) -> str:
        """Digest of genes, version and the source of what builds the networks."""
        genes = [
            [gene.name, json_form(tuple(gene.choices)), content(gene.along) if callable(gene.along) else gene.along]
            for gene in self.layout.genes
        ]
        valid = None if self.layout.valid is None else content(self.layout.valid)
        return digest([self.name, self.version, genes, valid, content(resolved(self.function))])

    @property
    def has_closed_form(self) -> bool:
        """Whether costs were given."""
        return self.costs is not None

    def counts_of(self, genes: Genes, task: TaskShape) -> Counts:
        """Costs of a network: by the given function, or counted in the network, once for each architecture."""
        if self.costs is None:
            params, macs = _measured(self, canonical_json(genes), task)
            return Counts(params, macs, self.backbone_params_of(genes))
        counts = self.costs(copied(genes), task)
        if not isinstance(counts, Counts):
            raise SpecError(
                f"The costs of '{self.name}' are a {type(counts).__name__}; the function must return "
                "autoprox.spaces.Counts."
            )
        return counts

    def params_of(self, genes: Genes, task: TaskShape) -> int:
        """The parameters; where they have to be counted, the network is built and not run."""
        if self.costs is None:
            return _measured_params(self, canonical_json(genes), task)
        return super().params_of(genes, task)

    def backbone_params_of(self, genes: Genes) -> int:
        """The parameters of the network of a usual task, or what the given function says."""
        if self.costs is None:
            return self.params_of(genes, TaskShape(2, self.default_img_size, 3))
        return super().backbone_params_of(genes)

    def features_of(self, genes: Genes) -> dict[str, float]:
        """The features as the given function says; without one, numeric genes, and mean and sum of lists of numbers."""
        if self.described is None:
            return numeric_features(genes)
        found = {str(name): float(value) for name, value in self.described(copied(genes)).items()}
        if bad := [name for name, value in found.items() if not math.isfinite(value)]:
            raise SpecError(f"The feature '{bad[0]}' of '{self.name}' is {found[bad[0]]} for {genes}, not finite.")
        return found


def define_space(
    name: str,
    genes: Sequence[Gene],
    build: Build | str,
    *,
    img_sizes: Sequence[int],
    default_img_size: int | None = None,
    version: int = 1,
    valid: Valid | None = None,
    features: Features | None = None,
    costs: Costs | None = None,
    unsteadiness: float = STEADY,
) -> DefinedSpace:
    """Makes a space of genes and a function that builds a network.

    What works on a space that comes with autoprox works on this one: sampling, statistics, tables, discovery, search.

    Args:
        name: Name in tables: letters, digits, `-`, `_` and `.`.
        genes: What varies.
        build: From the genes, as a mapping of names to values, and a `task` with `num_classes`, `img_size` and
            `in_chans` to a `torch.nn.Module` that maps images `(B, in_chans, img_size, img_size)` to logits
            `(B, num_classes)`. Or where such a function stands: `my_package.my_module:build`.
        img_sizes: Sizes of square images in px that networks can be built for.
        default_img_size: The one that is taken where none is given; the first of `img_sizes` if None.
        version: Raise it when networks change in a way that the source of `build` does not show.
        valid: Which genes go together: returns true, false, or a text that says why not.
        features: From the genes to numbers that tell architectures apart, such as depth and width; if None, each
            numeric gene, and the mean and the sum of each list of numbers.
        costs: From genes and task to `autoprox.spaces.Counts`, in closed form. Without it, parameters and
            multiply-accumulates are counted in the network, once for each architecture.
        unsteadiness: By how much scores may move when images and weights change in the sixth digit, as a share of how
            far scores lie apart, between 0 and 1. Discovery refuses what moves further. Give more than the usual .01
            if the networks round what goes through them.

    Raises:
        SpecError: If an argument is not of this form.
        RegistryError: If a space that comes with autoprox has this name.

    Example:
        >>> def build(genes, task):
        ...     pixels = task.in_chans * task.img_size**2
        ...     layers = [nn.Linear(width, genes["width"]) for width in [pixels] + [genes["width"]] * genes["depth"]]
        ...     return nn.Sequential(nn.Flatten(), *layers, nn.Linear(genes["width"], task.num_classes))
        >>> genes = [Gene("width", (8, 16)), Gene("depth", (1, 2, 3))]
        >>> space = define_space("perceptrons", genes, build, img_sizes=[8])
        >>> space.counts({"width": 8, "depth": 1}, num_classes=10, in_chans=1)
        Counts(params=682, macs=656, backbone_params=1634)
        >>> space.features({"width": 8, "depth": 1})
        {'width': 8.0, 'depth': 1.0}
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SpecError(f"A space needs a name of letters, digits, '-', '_' and '.', not {name!r}.")
    if name in SPACES:
        raise RegistryError(f"The space '{name}' comes with autoprox; choose another name.")
    if not callable(build) and not isinstance(build, str):
        raise SpecError(f"The builder of '{name}' is a {type(build).__name__}; give a function of genes and task.")
    if not is_whole(version):
        raise SpecError(f"The version of '{name}' must be a whole number, not {version!r}.")
    if not 0 < unsteadiness < 1:
        raise SpecError(f"The unsteadiness of '{name}' must lie between 0 and 1, not at {unsteadiness!r}.")
    sizes = list(img_sizes)
    if not sizes or not all(is_whole(size) and size >= 1 for size in sizes):
        raise SpecError(f"The img_sizes of '{name}' must be whole numbers of px, at least one, not {img_sizes!r}.")
    default = sizes[0] if default_img_size is None else default_img_size
    if default not in sizes:
        raise SpecError(f"The default_img_size of '{name}' is {default!r}, which is not among its img_sizes.")
    space = DefinedSpace(
        name=name,
        layout=Layout(tuple(genes), valid),
        default_img_size=int(default),
        img_sizes=img_sizes if isinstance(img_sizes, range) else tuple(sorted({int(size) for size in sizes})),
        version=int(version),
        unsteadiness=unsteadiness,
        function=build,
        costs=costs,
        described=features,
    )
    space.features(space.sample(np.random.default_rng(0)))  # an axis, `valid` or `features` that fails, fails here
    return space


def numeric_features(genes: Genes) -> dict[str, float]:
    """The numeric genes, and the mean and the sum of each list of numbers.

    Example:
        >>> numeric_features({"width": 8, "depth": [1, 3], "mixer": "pool"})
        {'width': 8.0, 'mean_depth': 2.0, 'sum_depth': 4.0}
    """
    found: dict[str, float] = {}
    for name, value in genes.items():
        if isinstance(value, int | float):
            found[name] = float(value)
        elif isinstance(value, list) and all(isinstance(each, int | float) for each in value):
            found[f"mean_{name}"] = float(np.mean(value)) if value else 0.0
            found[f"sum_{name}"] = float(np.sum(value))
    return found


def _build(space: Space, genes: Genes, task: TaskShape) -> nn.Module:
    """Calls the function of the user; a network of genes as `Space.build` made them."""
    model = blueprint(space, genes, task).build()
    if not isinstance(model, nn.Module):
        raise SpecError(f"The builder of '{space.name}' returned a {type(model).__name__}, not a torch.nn.Module.")
    return model


def blueprint(space: Space, genes: Genes, task: TaskShape) -> Blueprint:
    """How the network of allowed genes is made: by the function of the user, out of genes and task.

    Raises:
        SpecError: If the space was not made by `define_space`.
    """
    if not isinstance(space, DefinedSpace):
        raise SpecError(f"The space '{space.name}' was not made by define_space.")
    return Blueprint(resolved(space.function), (genes, task))


build = seeded(_build)
"""Builds the network of a defined space; use `Space.build`, which checks its arguments."""


@lru_cache(maxsize=2**16)
def _measured_params(space: DefinedSpace, arch_json: str, task: TaskShape) -> int:
    genes = space.parse(arch_json).genes
    return measured(lambda: _build(space, genes, task), parameters)


@lru_cache(maxsize=2**16)
def _measured(space: DefinedSpace, arch_json: str, task: TaskShape) -> tuple[int, int]:
    genes = space.parse(arch_json).genes
    return measured(lambda: _build(space, genes, task), lambda model: parameters_and_macs(model, task))

"""Spaces defined by users: genes and a function that builds a network."""

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
"""Maps genes and a task to a network with new parameters."""
Costs: TypeAlias = Callable[[Mapping[str, Any], TaskShape], Counts]
Features: TypeAlias = Callable[[Mapping[str, Any]], Mapping[str, float]]

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, eq=False, kw_only=True)
class DefinedSpace(Space):
    """A space made by `define_space`.

    Args:
        function: Function that builds a network, or a reference to it.
        costs: Counts in closed form; None to count in the network.
        described: Features; None to derive them from numeric genes.
    """

    function: Build | str
    costs: Costs | None
    described: Features | None
    builder: Builder | str = "autoprox.networks._define:build"

    @cached_property
    def identity(self) -> str:
        """Digest of genes, version and the source of the builder."""
        genes = [
            [gene.name, json_form(tuple(gene.choices)), content(gene.along) if callable(gene.along) else gene.along]
            for gene in self.layout.genes
        ]
        valid = None if self.layout.valid is None else content(self.layout.valid)
        return digest([self.name, self.version, genes, valid, content(resolved(self.function))])

    @property
    def has_closed_form(self) -> bool:
        """True if `costs` was given."""
        return self.costs is not None

    def counts_of(self, genes: Genes, task: TaskShape) -> Counts:
        """Counts of a network: from the given function, or counted in the network once per architecture."""
        if self.costs is None:
            params, macs = _measured(self, canonical_json(genes), task)
            return Counts(params, macs, self.backbone_params_of(genes))
        counts = self.costs(copied(genes), task)
        if not isinstance(counts, Counts):
            raise SpecError(
                f"The function `costs` of '{self.name}' returned a {type(counts).__name__}; it must return "
                "autoprox.spaces.Counts."
            )
        return counts

    def params_of(self, genes: Genes, task: TaskShape) -> int:
        """The parameters; without `costs`, the network is built but not run."""
        if self.costs is None:
            return _measured_params(self, canonical_json(genes), task)
        return super().params_of(genes, task)

    def backbone_params_of(self, genes: Genes) -> int:
        """The parameters of the network for a standard task, or the result of the given function."""
        if self.costs is None:
            return self.params_of(genes, TaskShape(2, self.default_img_size, 3))
        return super().backbone_params_of(genes)

    def features_of(self, genes: Genes) -> dict[str, float]:
        """The result of the given function, or numeric genes with mean and sum of each list of numbers."""
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
    """Makes a space from genes and a function that builds a network.

    Everything works on it as on the spaces of autoprox: sampling, statistics, tables, discovery, search.

    Args:
        name: Name in tables: letters, digits, `-`, `_` and `.`.
        genes: The genes.
        build: Function of the genes, as a mapping of names to values, and a `task` with `num_classes`, `img_size` and
            `in_chans`. It returns a `torch.nn.Module` that maps images `(B, in_chans, img_size, img_size)` to logits
            `(B, num_classes)`. Or a reference to such a function: `my_package.my_module:build`.
        img_sizes: Allowed sizes of square images in px.
        default_img_size: Default image size; the first of `img_sizes` if None.
        version: Raise it when networks change in a way that the source of `build` does not show.
        valid: Checks a combination of genes: returns true, false, or the reason for a refusal as text.
        features: Function of the genes that returns features such as depth and width; if None, each numeric gene, and
            the mean and the sum of each list of numbers.
        costs: Function of genes and task that returns `autoprox.spaces.Counts` in closed form. Without it, parameters
            and multiply-accumulates are counted in the network once per architecture.
        unsteadiness: Largest accepted change of scores when images and weights change in the sixth digit, relative to
            the spread of scores, between 0 and 1. Discovery rejects proxies that exceed it. Give more than the default
            of .01 for networks that round activations.

    Raises:
        SpecError: If an argument is invalid.
        RegistryError: If a space of autoprox has this name.

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
        raise RegistryError(f"The name '{name}' belongs to a space of autoprox; choose another name.")
    if not callable(build) and not isinstance(build, str):
        raise SpecError(f"The builder of '{name}' is a {type(build).__name__}; give a function of genes and task.")
    if not is_whole(version):
        raise SpecError(f"The version of '{name}' must be a whole number, not {version!r}.")
    if not 0 < unsteadiness < 1:
        raise SpecError(f"The unsteadiness of '{name}' must be between 0 and 1, not {unsteadiness!r}.")
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
    space.features(space.sample(np.random.default_rng(0)))  # errors in an axis, `valid` or `features` appear here
    return space


def numeric_features(genes: Genes) -> dict[str, float]:
    """Returns the numeric genes, and the mean and the sum of each list of numbers.

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
    """Calls the builder of the user with checked genes."""
    model = blueprint(space, genes, task).build()
    if not isinstance(model, nn.Module):
        raise SpecError(f"The builder of '{space.name}' returned a {type(model).__name__}, not a torch.nn.Module.")
    return model


def blueprint(space: Space, genes: Genes, task: TaskShape) -> Blueprint:
    """Returns the blueprint for allowed genes: the builder of the user, with genes and task.

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

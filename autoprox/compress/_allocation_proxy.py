"""Proxies that add up over the maps of a trained network: one value per group and choice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import array_digest, digest
from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.base.identity import function_digest
from autoprox.base.registry import Registry
from autoprox.compress._compressed import CompressedSpace, origin_of
from autoprox.compress._linear_maps import LinearMap
from autoprox.scorers import AbstractScorer, Subject, prepared
from autoprox.statistics import BatchLoss, Requirements

T = TypeVar("T")
BOTH = ("bits", "ranks")


class Probe:
    """A trained network on a batch, with its space of choices.

    Attributes:
        space: The space around the network.
        subject: The prepared network, with the batch.
    """

    def __init__(self, space: CompressedSpace, subject: Subject) -> None:
        self.space = space
        self.subject = subject
        self._shared: dict[Callable[[Probe], Any], Any] = {}

    @property
    def maps(self) -> list[LinearMap]:
        """The maps with choices."""
        return self.space.given.maps

    def weight(self, found: LinearMap) -> nn.Parameter:
        """The trained weight of a map."""
        return found.parameter(self.subject.model)

    def change(self, found: LinearMap, choice: float) -> Tensor:
        """Change of the weight of a map by a choice."""
        weight = self.weight(found).detach()
        return self.space.weight_with(found, choice).to(weight) - weight

    def watched(self) -> list[LinearMap]:
        """The maps; requires that inputs and outputs of all maps can be observed.

        Raises:
            CollectionError: If a function uses the weight of a map.
        """
        hidden = next((each for each in self.maps if not each.watched), None)
        if hidden is not None:
            raise CollectionError(
                f"the weight '{hidden.name}' is used by a function, so that its inputs and outputs cannot be observed; "
                "choose a proxy of weights and gradients, such as snip_bits."
            )
        return self.maps

    def at_maps(self, name: str) -> dict[LinearMap, Tensor]:
        """A statistic with one tensor per node, by map."""
        places = {id(self.weight(found)): found for found in self.maps}
        tensors = self.subject.collect(name).tensors[name]
        nodes = [node for node in self.subject.nodes if node.site.value == "linear"]
        held: dict[LinearMap, Tensor] = {}
        for node, tensor in zip(nodes, tensors, strict=True):
            found = places.get(id(node.owner._parameters.get(node.attribute)))
            if found is not None:
                held.setdefault(found, tensor)
        return held

    def table(self, values: Callable[[LinearMap, float], float]) -> Floats:
        """`(groups, choices)`: sums over the maps of each group."""
        return np.array(
            [
                [sum(values(found, choice) for found in group.maps) for choice in self.space.choices]
                for group in self.space.groups
            ],
            dtype=np.float64,
        )

    def times_bits(self, values: Mapping[LinearMap, float]) -> Floats:
        """`(groups, choices)`: the value of each map times its bits."""
        return self.table(lambda found, bits: values[found] * bits)

    def once(self, function: Callable[["Probe"], T]) -> T:
        """Result of a function for this probe, computed once and shared."""
        if function not in self._shared:
            self._shared[function] = function(self)
        value: T = self._shared[function]
        return value


@dataclass(frozen=True, repr=False)
class AllocationProxy(AbstractScorer):
    """A scorer of compressed networks that adds up over the maps of the trained one.

    It measures only the trained network, once for all compressed networks. The score of a compressed network is the sum
    of the values of its choices. A higher score means a better network.

    Args:
        name: Name for reports.
        function: From a probe to `(groups, choices)`.
        genes: Supported genes: "bits", "ranks", or both.
        sign: 1, or -1 if a smaller measure is better.
        source: Reference of the method.
        needs: Inputs that it needs, and passes that it runs.
        version: Incremented when its values change although the function does not.
    """

    name: str
    function: Callable[[Probe], Floats]
    genes: tuple[str, ...]
    sign: int
    source: str
    needs: Requirements
    version: int = 1

    @property
    def identity(self) -> str | None:
        """Digest of the function's content; None if it cannot be determined."""
        content = function_digest(self.function)
        return None if content is None else digest(["allocation", content, self.sign, self.version])

    @property
    def description(self) -> str:
        """Definition of the proxy: the docstring of the function."""
        return self.function.__doc__ or self.source

    def table(self, space: CompressedSpace, images: Any, labels: Any, *, loss: BatchLoss | None = None) -> Floats:
        """The value of each choice of each group, `(groups, choices)`; higher is better.

        Args:
            space: A space around a trained network.
            images: A batch `(B, C, H, W)`.
            labels: Class indices `(B,)`; None if the proxy does not read labels.
            loss: Loss of backward passes; the mean cross entropy by default.

        Raises:
            CollectionError: If it cannot be computed on this network with this batch, or does not support the gene.
            UndefinedScoreError: If a value is not finite.
        """
        key = None if loss is not None else self._key(images, labels)
        if key in space.tables:
            return space.tables[key]
        self._check(space, labels, loss)
        with prepared(space.source, images, labels, loss) as subject:
            try:
                found = self.sign * self.function(Probe(space, subject))
            except CollectionError as error:
                raise CollectionError(f"The proxy '{self.name}': {error}") from error
        if not np.isfinite(found).all():
            raise UndefinedScoreError(f"The proxy '{self.name}' is not finite on this network; choose another proxy.")
        if key is not None:
            space.tables[key] = found
        return found

    def score(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores a network built by a space around a trained network.

        Raises:
            CollectionError: If another space built it, or the proxy cannot be computed with this batch.
            UndefinedScoreError: If a value is not finite.
        """
        origin = origin_of(model)
        if origin is None:
            raise CollectionError(
                f"The proxy '{self.name}' scores networks that quantised_space or lowrank_space built; the "
                f"{type(model).__name__} was not."
            )
        table = self.table(origin.space, images, labels, loss=loss)
        return float(table[np.arange(len(table)), list(origin.choices)].sum())

    def _check(self, space: CompressedSpace, labels: Any, loss: BatchLoss | None) -> None:
        if space.gene not in self.genes:
            raise CollectionError(
                f"The proxy '{self.name}' supports {' and '.join(self.genes)}, not {space.gene}. Choose another proxy."
            )
        if self.needs.labels and labels is None and loss is None:
            raise CollectionError(f"The proxy '{self.name}' needs labels; give one class index for each image.")

    def _key(self, images: Any, labels: Any) -> str | None:
        identity = self.identity
        batch = [None if each is None else array_digest(np.asarray(torch.as_tensor(each))) for each in (images, labels)]
        return None if identity is None else digest([identity, batch if self.needs.labels else batch[:1]])


ALLOCATION_PROXIES: Registry[AllocationProxy] = Registry("allocation proxy")
"""All proxies that add up over maps, by name."""


def allocation_proxy(
    name: str,
    source: str,
    *,
    genes: tuple[str, ...] = ("bits",),
    passes: tuple[str, ...] = (),
    sign: int = 1,
    labels: bool = False,
    small: bool = False,
) -> Callable[[Callable[[Probe], Floats]], Callable[[Probe], Floats]]:
    """Decorator that registers a function as an allocation proxy, and returns the function unchanged.

    Args:
        name: Name of the proxy.
        source: Reference of the method.
        genes: As in `AllocationProxy`.
        passes: As in `Requirements`.
        sign: 1, or -1 if a smaller measure is better.
        labels: True if it reads labels.
        small: True if it is affordable for small networks only.

    Raises:
        RegistryError: If the name is taken.
    """

    def registered(function: Callable[[Probe], Floats]) -> Callable[[Probe], Floats]:
        needs = Requirements(passes, labels, small=small)
        ALLOCATION_PROXIES.register(name, AllocationProxy(name, function, genes, sign, source, needs))
        return function

    return registered

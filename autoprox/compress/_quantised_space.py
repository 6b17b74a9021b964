"""Mixed precision: a space with the bits of the weights of a trained network as genes."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from torch import Tensor, nn

from autoprox.base.errors import SpecError
from autoprox.compress._compressed import FACTS, CompressedSpace, default_name, look_at
from autoprox.compress._linear_maps import LinearMap, watch
from autoprox.networks.quantised import ActivationQuantiser, QuantisedWeight, check_bits, quantised
from autoprox.spaces import FULL_BITS, STEADY, Counts, Gene, Layout, Storage, TaskShape
from autoprox.spaces.genes import Genes

BYTE = 8
ROUNDED = 0.1
"""Unsteadiness of networks with rounded activations. A change in the sixth digit moves some values across a rounding
boundary: on mqbench101, scores of gradients and activations change by .005 to .06."""


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantisedSpace(CompressedSpace):
    """The space that `quantised_space` returns.

    Args:
        activations: Bits of the input of each map.
        edge_bits: Bits of embedding and head, if they have no choices.
        ranges: Smallest and largest input value of each observable map, by name.
    """

    activations: int
    edge_bits: int
    ranges: dict[str, tuple[float, float]]
    own_statistics: tuple[str, ...] = ("bits", "quantisation_error")
    _weights: dict[tuple[str, int], QuantisedWeight] = field(default_factory=dict)

    @property
    def gene(self) -> str:
        """Name of the gene."""
        return "bits"

    @property
    def settings(self) -> list[Any]:
        """Bits of activations and edges."""
        return [self.activations, self.edge_bits]

    def counts_of(self, _genes: Genes, _task: TaskShape) -> Counts:
        """Parameters and multiply-accumulates of the trained network, which quantisation does not change."""
        return self.given.counts

    def storage_of(self, genes: Genes, _task: TaskShape) -> Storage:
        """Bytes and bit operations.

        A quantised weight consists of its bits, and a scale in single precision per output channel. All other
        parameters are in single precision. Bit operations of a map are its multiply-accumulates times the bits of its
        weight times the bits of its input. Both factors of other products, as in attention, have 32 bits.
        """
        full = Storage.of_single_precision(self.given.counts)
        weight_bytes, bitops = full
        for found, bits in self.all_maps_with(genes):
            weight_bytes += map_bytes(found, bits) - found.size * FULL_BITS // BYTE
            bitops += found.macs * (bits * self.input_bits(found) - FULL_BITS**2)
        return Storage(weight_bytes, bitops)

    def size_of(self, genes: Genes) -> int:
        """Bytes of the weights, since all networks have the same number of parameters."""
        return self.storage_of(genes, self.given.task).weight_bytes

    def features_of(self, genes: Genes) -> dict[str, float]:
        """`mean_bits` over groups; `weight_bits` (parameters times bits) and `bit_operations` over all maps."""
        pairs = self.all_maps_with(genes)
        return {
            "mean_bits": sum(genes["bits"]) / len(genes["bits"]),
            "weight_bits": float(sum(found.size * bits for found, bits in pairs)),
            "bit_operations": float(sum(found.macs * bits * self.input_bits(found) for found, bits in pairs)),
        }

    def all_maps_with(self, genes: Genes) -> list[tuple[LinearMap, int]]:
        """Every map with its bits, embedding and head last."""
        inner = [(found, int(bits)) for found, bits in self.maps_with(genes)]
        return inner + [(found, self.edge_bits) for found in self.given.edges]

    def input_bits(self, found: LinearMap) -> int:
        """Bits of the input of a map; full precision if it cannot be observed."""
        return self.activations if found.name in self.ranges else FULL_BITS

    @property
    def elastic(self) -> NoReturn:
        """Raises SpecError: each network rounds the trained parameters to a different grid."""
        raise SpecError(
            f"The networks of '{self.name}' cannot share parameters, since each rounds them to a different grid. A "
            "supernet needs a space of ranks, not of bits."
        )

    def weight_of(self, found: LinearMap, bits: int) -> QuantisedWeight:
        """The quantised weight of a map, cached; do not change it."""
        key = (found.name, bits)
        if key not in self._weights:
            self._weights[key] = quantised(found.parameter(self.source), bits, found.dim)
        return self._weights[key]

    def weight_with(self, found: LinearMap, choice: float) -> Tensor:
        """The quantised weight."""
        weight = found.parameter(self.source).detach()
        return weight if choice == FULL_BITS else self.weight_of(found, int(choice)).values.to(weight.dtype)

    def error_of(self, found: LinearMap, bits: int) -> float:
        """Squared error of a quantised weight relative to the squared norm of the weight."""
        weight = found.parameter(self.source).detach().double()
        wrong = float((self.weight_with(found, bits).double() - weight).square().sum())
        return wrong / (float(weight.square().sum()) or 1.0)

    def compressed(self, choices: tuple[int, ...]) -> nn.Module:
        """A copy of the network with quantised weights and inputs of maps."""
        pairs = self.all_maps_with({"bits": [int(self.choices[place]) for place in choices]})
        # A deep copy takes weights from its memo, so that weights shared by modules remain shared.
        memo: dict[int, Any] = {}
        for found, bits in pairs:
            if bits != FULL_BITS:
                weight = found.parameter(self.source)
                values = self.weight_of(found, bits).values.to(weight.dtype)
                memo[id(weight)] = nn.Parameter(values, requires_grad=weight.requires_grad)
        model = copy.deepcopy(self.source, memo)
        for found, bits in pairs:
            for holder in found.holders:
                module = model.get_submodule(holder)
                if found.weight == "weight":
                    setattr(module, FACTS, {"bits": bits, "error": self.error_of(found, bits)})
                if found.name in self.ranges:
                    module.register_forward_pre_hook(ActivationQuantiser(*self.ranges[found.name], self.activations))
        return model


def quantised_space(
    model: nn.Module,
    images: Any,
    bits: Sequence[int] = (2, 3, 4, 8),
    activations: int = 8,
    *,
    edges: int | None = 8,
    checkpoint: str | Path | None = None,
    name: str | None = None,
) -> QuantisedSpace:
    """Creates a space of the bits of the weights of a trained network.

    Its gene `bits` has one value per group in `space.groups`: a linear layer, a convolution, or several layers with the
    same input tensor (queries, keys and values). Weights are rounded per output channel to the symmetric grid of least
    squared error. Inputs of maps are rounded within their range on the images. All values remain in floating point, so
    that these networks work like any other.

    Args:
        model: A trained network of any origin; it is copied and not changed.
        images: A batch `(B, C, H, W)` of square images for the ranges of activations.
        bits: Choices of a group: 2 to 8, or 32 for no quantisation.
        activations: Bits of the input of each map: 2 to 8, or 32.
        edges: Bits of embedding and head; None to give them choices like all others.
        checkpoint: A safetensors file with the parameters of the network; None if the model is already trained.
        name: Name of the space; by default the network's class and `-bits`.

    Raises:
        SpecError: If a number of bits is invalid, no map remains, or the images are not square.
        CollectionError: If the network has no linear map, is already quantised, or fails on the images.
        StoreMismatchError: If the checkpoint does not fit the network.

    Example:
        >>> import torch
        >>> trained = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.GELU(), nn.Linear(8, 8), nn.Linear(8, 3))
        >>> space = quantised_space(trained, torch.zeros(2, 1, 4, 4), bits=(2, 4))
        >>> [group.name for group in space.groups], space.storage({"bits": [2]}).weight_bytes
        (['3'], 320)
        >>> space.build({"bits": [2]})(torch.zeros(1, 1, 4, 4)).shape
        torch.Size([1, 3])
    """
    choices = _checked_choices(bits)
    check_bits(activations)
    given = look_at(model, images, checkpoint, edges=edges is None, plain=False)
    ranges: dict[str, tuple[float, float]] = {}

    def extend(found: LinearMap, inputs: Tensor) -> None:
        low, high = ranges.get(found.name, (0.0, 0.0))
        ranges[found.name] = (min(low, float(inputs.min())), max(high, float(inputs.max())))

    if activations != FULL_BITS:
        watch(given.source, images, [*given.maps, *given.edges], extend)
    return QuantisedSpace(
        name=name or default_name(model, "bits"),
        layout=Layout((Gene("bits", choices, along=len(given.groups)),)),
        default_img_size=given.task.img_size,
        img_sizes=(given.task.img_size,),
        own_task=given.task,
        given=given,
        choices=choices,
        unsteadiness=STEADY if activations == FULL_BITS else ROUNDED,
        activations=activations,
        edge_bits=FULL_BITS if edges is None else check_bits(edges),
        ranges=ranges,
    )


def map_bytes(found: LinearMap, bits: int) -> int:
    """Bytes of a weight: its bits and, if quantised, a scale in single precision per output channel."""
    scales = 0 if bits == FULL_BITS else found.outputs * FULL_BITS // BYTE
    return -(-found.size * bits // BYTE) + scales


def _checked_choices(bits: Sequence[int]) -> tuple[int, ...]:
    if isinstance(bits, str | bytes) or not isinstance(bits, Sequence):
        raise SpecError(f"`bits` is {bits!r}; give a sequence of numbers of bits, such as (2, 4, 8).")
    return tuple(check_bits(each) for each in bits)

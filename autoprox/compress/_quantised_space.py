"""Mixed precision: a space whose genes are the bits of the weights of a trained network."""

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
"""The unsteadiness of networks that round what goes through them. A change in the sixth digit puts some values on the
other side of a rounding boundary: on mqbench101, scores of gradients and activations move by .005 to .06."""


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantisedSpace(CompressedSpace):
    """A space that `quantised_space` made.

    Args:
        activations: Bits of what comes into each map.
        edge_bits: Bits of embedding and head, where nothing is chosen for them.
        ranges: For the name of each map that can be watched, the smallest and the largest value that came into it.
    """

    activations: int
    edge_bits: int
    ranges: dict[str, tuple[float, float]]
    own_statistics: tuple[str, ...] = ("bits", "quantisation_error")
    _weights: dict[tuple[str, int], QuantisedWeight] = field(default_factory=dict)

    @property
    def gene(self) -> str:
        """The name of the gene."""
        return "bits"

    @property
    def settings(self) -> list[Any]:
        """Bits of activations and edges."""
        return [self.activations, self.edge_bits]

    def counts_of(self, _genes: Genes, _task: TaskShape) -> Counts:
        """Parameters and multiply-accumulates of the given network: quantisation changes neither."""
        return self.given.counts

    def storage_of(self, genes: Genes, _task: TaskShape) -> Storage:
        """Bytes and bit operations.

        A quantised weight takes its bits and a scale in single precision for each output channel; all other parameters
        are in single precision. Bit operations of a map are its multiply-accumulates times the bits of its weight and
        of what comes into it; those of other products, as in attention, have 32 bits both.
        """
        full = Storage.of_single_precision(self.given.counts)
        weight_bytes, bitops = full
        for found, bits in self.all_maps_with(genes):
            weight_bytes += map_bytes(found, bits) - found.size * FULL_BITS // BYTE
            bitops += found.macs * (bits * self.input_bits(found) - FULL_BITS**2)
        return Storage(weight_bytes, bitops)

    def size_of(self, genes: Genes) -> int:
        """Bytes of the weights: all networks have the same parameters."""
        return self.storage_of(genes, self.given.task).weight_bytes

    def features_of(self, genes: Genes) -> dict[str, float]:
        """`mean_bits` over the groups, `weight_bits` (parameters times bits) and `bit_operations` of all maps."""
        pairs = self.all_maps_with(genes)
        return {
            "mean_bits": sum(genes["bits"]) / len(genes["bits"]),
            "weight_bits": float(sum(found.size * bits for found, bits in pairs)),
            "bit_operations": float(sum(found.macs * bits * self.input_bits(found) for found, bits in pairs)),
        }

    def all_maps_with(self, genes: Genes) -> list[tuple[LinearMap, int]]:
        """Every map with its bits, those of embedding and head last."""
        inner = [(found, int(bits)) for found, bits in self.maps_with(genes)]
        return inner + [(found, self.edge_bits) for found in self.given.edges]

    def input_bits(self, found: LinearMap) -> int:
        """Bits of what comes into a map: full ones where it cannot be watched."""
        return self.activations if found.name in self.ranges else FULL_BITS

    @property
    def elastic(self) -> NoReturn:
        """Raises SpecError: each network rounds the parameters of the trained one to a grid of its own."""
        raise SpecError(
            f"The networks of '{self.name}' share no parameters, since each rounds them to a grid of its own. A "
            "supernet takes a space of ranks, not of bits."
        )

    def weight_of(self, found: LinearMap, bits: int) -> QuantisedWeight:
        """The weight of a map with some bits, computed once; it is not to be written into."""
        key = (found.name, bits)
        if key not in self._weights:
            self._weights[key] = quantised(found.parameter(self.source), bits, found.dim)
        return self._weights[key]

    def weight_with(self, found: LinearMap, choice: float) -> Tensor:
        """The quantised weight."""
        weight = found.parameter(self.source).detach()
        return weight if choice == FULL_BITS else self.weight_of(found, int(choice)).values.to(weight.dtype)

    def error_of(self, found: LinearMap, bits: int) -> float:
        """The squared error of a quantised weight as a part of its square."""
        weight = found.parameter(self.source).detach().double()
        wrong = float((self.weight_with(found, bits).double() - weight).square().sum())
        return wrong / (float(weight.square().sum()) or 1.0)

    def compressed(self, choices: tuple[int, ...]) -> nn.Module:
        """A copy of the network with quantised weights, and with inputs of maps quantised as they come in."""
        pairs = self.all_maps_with({"bits": [int(self.choices[place]) for place in choices]})
        # A deep copy takes what is already in its memo, so that weights that modules share stay shared.
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
    """Makes a space of the bits of the weights of a trained network.

    Its gene `bits` has one value for each group of `space.groups`: a linear layer, a convolution, or several that read
    the same tensor (queries, keys and values). Weights are rounded for each output channel to a symmetric grid with the
    least squared error; what comes into a map is rounded to the range that the images show. Everything stays in
    floating point, so that whatever works on a network works on these.

    Args:
        model: A trained network, of any origin. It is left as it was, and copied.
        images: A batch `(B, C, H, W)` of square images, on which ranges of activations are taken.
        bits: What a group may have: 2 to 8, or 32 for no quantisation.
        activations: Bits of what comes into each map: 2 to 8, or 32.
        edges: Bits of embedding and head; None lets them be chosen like all others.
        checkpoint: A safetensors file with the parameters of the network; None if it has them.
        name: Name of the space; by default that of the network's class and `-bits`.

    Raises:
        SpecError: If a number of bits is not allowed, nothing is left to choose for, or the images are not square.
        CollectionError: If the network has no linear map, is quantised already, or fails on the images.
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
    """Bytes of a weight: its bits, and a scale in single precision for each output channel if it is quantised."""
    scales = 0 if bits == FULL_BITS else found.outputs * FULL_BITS // BYTE
    return -(-found.size * bits // BYTE) + scales


def _checked_choices(bits: Sequence[int]) -> tuple[int, ...]:
    if isinstance(bits, str | bytes) or not isinstance(bits, Sequence):
        raise SpecError(f"The bits are {bits!r}; give a sequence of numbers of bits, such as (2, 4, 8).")
    return tuple(check_bits(each) for each in bits)

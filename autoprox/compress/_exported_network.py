"""Export of a compressed network to a file that torch loads without autoprox."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from autoprox.base.errors import CollectionError
from autoprox.base.files import atomically
from autoprox.compress._compressed import ORIGIN, CompressedSpace
from autoprox.compress._quantised_space import QuantisedSpace
from autoprox.inspect.batch import logits_of
from autoprox.inspect.finding import FAILURES
from autoprox.networks.quantised import QuantisedWeight
from autoprox.spaces import FULL_BITS, Arch

_UNEXPORTABLE = (*FAILURES, TypeError, NotImplementedError)


class _Unpacked(nn.Module):
    """Unpacks a weight from its bits.

    Args:
        weight: The quantised weight.
        bits: Number of bits.
        dtype: Data type of the unpacked weight.
    """

    def __init__(self, weight: QuantisedWeight, bits: int, dtype: torch.dtype) -> None:
        super().__init__()
        shape = [1] * weight.codes.ndim
        shape[weight.dim] = -1
        self.register_buffer("scales", weight.scales.reshape(shape).to(dtype))
        self.shape, self.bits = weight.codes.shape, bits

    def forward(self, planes: Tensor) -> Tensor:
        """From `(bits, bytes)`, with eight elements per byte, to the weight."""
        single = (planes[:, :, None] >> torch.arange(8, dtype=torch.uint8)) & 1
        codes = single.reshape(self.bits, -1)[:, : self.shape.numel()].to(torch.int32)
        whole = (codes << torch.arange(self.bits, dtype=torch.int32)[:, None]).sum(0) - 2 ** (self.bits - 1)
        scales: Tensor = self.scales  # type: ignore[assignment]
        values: Tensor = whole.reshape(self.shape).to(scales.dtype) * scales
        return values


class _Logits(nn.Module):
    """A network that returns its logits as a tensor."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """From images `(B, C, H, W)` to logits `(B, classes)`."""
        logits: Tensor = logits_of(self.network(images))
        return logits


def export_network(space: CompressedSpace, arch: Arch, images: Any, path: str | Path) -> None:
    """Writes a compressed network as a program of `torch.export`.

    `torch.export.load(path).module()` returns a function from any number of images `(B, C, H, W)` to logits. It needs
    only torch, neither autoprox nor the code of the network. Quantised weights are packed to their bits.

    Args:
        space: A space around a trained network.
        arch: The choices.
        images: A batch with the shape and dtype of images.
        path: The file, usually with the suffix `.pt2`.

    Raises:
        CollectionError: If torch cannot export the network.
        AutoproxError: If the file cannot be written.
    """
    network = space.build(arch)
    delattr(network, ORIGIN)
    if isinstance(space, QuantisedSpace):
        _pack(space, arch, network)
    network.requires_grad_(requires_grad=False)
    batch = torch.as_tensor(images)[:2].clone()
    try:
        program = _program(network, batch)
    except _UNEXPORTABLE as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise CollectionError(
            f"The {type(space.source).__name__} cannot be exported by torch.export: {reason}. Build it with "
            "space.build, and save its parameters."
        ) from error
    atomically(Path(path), lambda beside: _save(program, beside))


def _program(network: nn.Module, batch: Tensor) -> torch.export.ExportedProgram:
    """The exported program of a network, for any number of images.

    Tracing a network that uses `len(images)` would fix the number of images. Such a network is exported in strict mode,
    which analyses bytecode and treats `len` as the size of the batch.
    """
    sizes = ({0: torch.export.Dim("batch")},)
    try:
        return torch.export.export(_Logits(copy.deepcopy(network)).eval(), (batch,), dynamic_shapes=sizes)
    except _UNEXPORTABLE:
        return torch.export.export(_Logits(copy.deepcopy(network)).eval(), (batch,), dynamic_shapes=sizes, strict=True)


def _save(program: torch.export.ExportedProgram, path: Path) -> None:
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # contains local paths
    with path.open("wb") as file:
        torch.export.save(program, file)


def _pack(space: QuantisedSpace, arch: Arch, network: nn.Module) -> None:
    """Replaces weights of modules by packed bits; weights used by functions remain in floating point."""
    for found, bits in space.all_maps_with(arch.genes):
        if bits == FULL_BITS or not found.watched:
            continue
        weight = space.weight_of(found, bits)
        codes = weight.codes.flatten().to(torch.int32).numpy() + 2 ** (bits - 1)
        planes = [np.packbits(((codes >> bit) & 1).astype(np.uint8), bitorder="little") for bit in range(bits)]
        packed = torch.from_numpy(np.stack(planes))
        for holder in found.holders:
            module = network.get_submodule(holder)
            dtype = found.parameter(space.source).dtype
            del module.weight
            module.register_buffer("weight", packed)
            parametrize.register_parametrization(module, "weight", _Unpacked(weight, bits, dtype), unsafe=True)

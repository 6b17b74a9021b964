"""Slots: the part of a shared parameter that a subnet uses, by default the first values of each dimension.

A subnet is the network that its space builds, without knowledge of sharing. Three properties determine the part of a
shared parameter for each of its parameters:

- Its name in the subnet. If the names of modules depend on genes, as for the blocks of a second stage, the network
  declares common names in an attribute `elastic_names`, from prefix to prefix.
- Parts: a fused map, such as queries, keys and values in one layer, is sliced part by part. A module declares parts in
  an attribute `elastic_parts`, from names of its parameters to the number of parts. Torch's attention is known.
- Windows: a smaller convolution kernel is the middle of a larger one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

_TORCH_ATTENTION = {"in_proj_weight": 3, "in_proj_bias": 3}
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True, slots=True)
class Slot:
    """Location of a subnet's parameter in a shared one.

    Args:
        shared: Name of the shared parameter.
        shape: Shape of the parameter in the subnet.
        parts: Number of equal parts of the first dimension, which are sliced separately.
        windows: True to slice the dimensions from the third on from the middle.
    """

    shared: str
    shape: tuple[int, ...]
    parts: int = 1
    windows: bool = False

    def cut(self, shared: Tensor) -> Tensor:
        """The slice of a shared parameter: a view, or a copy with several parts.

        Args:
            shared: The shared parameter, at least as large in each dimension.

        Example:
            >>> import torch
            >>> Slot("fc", (1, 2)).cut(torch.arange(6).view(2, 3)).tolist()
            [[0, 1]]
            >>> Slot("qkv", (2, 1), parts=2).cut(torch.arange(8).view(4, 2)).tolist()
            [[0], [4]]
        """
        found = self.window(shared)
        return found.flatten(0, 1) if self.parts > 1 else found

    def window(self, shared: Tensor) -> Tensor:
        """The same slice as a view; several parts add a leading dimension.

        Args:
            shared: The shared parameter, at least as large in each dimension.

        Example:
            >>> import torch
            >>> Slot("qkv", (2, 1), parts=2).window(torch.arange(8).view(4, 2)).tolist()
            [[[0]], [[4]]]
        """
        if not self.shape:
            return shared
        lead, *others = self.shape
        first, *steps = shared.stride()
        start = shared.storage_offset()
        if self.windows:
            spare = [held - own for held, own in zip(shared.shape[2:], others[1:], strict=True)]
            start += sum(each // 2 * step for each, step in zip(spare, steps[1:], strict=True))
        if self.parts == 1:
            return shared.as_strided(self.shape, shared.stride(), start)
        part = shared.shape[0] // self.parts * first
        return shared.as_strided((self.parts, lead // self.parts, *others), (part, first, *steps), start)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """True if a shared parameter of this shape contains the slot."""
        if len(shape) != len(self.shape):
            return False
        return all(map(int.__ge__, shape, self.shape)) and (not shape or shape[0] % self.parts == 0)


def slots_of(network: nn.Module) -> dict[str, Slot]:
    """The slots of all parameters of a subnet, by name.

    Args:
        network: A network built by its space. A parameter with two names is listed under the first.

    Example:
        >>> sorted(slots_of(nn.Linear(3, 2)))
        ['bias', 'weight']
    """
    common: Mapping[str, str] = getattr(network, "elastic_names", {})
    parts: dict[str, int] = {}
    convolutions = set()
    for place, module in network.named_modules():
        parts |= {_joined(place, name): count for name, count in _parts(module).items()}
        if isinstance(module, _CONVOLUTIONS):
            convolutions.add(place)
    found = {}
    for name, parameter in network.named_parameters():
        windows = name.rpartition(".")[0] in convolutions
        found[name] = Slot(_shared(name, common), tuple(parameter.shape), parts.get(name, 1), windows)
    return found


def _parts(module: nn.Module) -> Mapping[str, int]:
    found: Mapping[str, int] = getattr(module, "elastic_parts", {})
    return _TORCH_ATTENTION if isinstance(module, nn.MultiheadAttention) else found


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _shared(name: str, common: Mapping[str, str]) -> str:
    """The common name, by the longest prefix in `common`."""
    head, tail = name, ""
    while head:
        if head in common:
            return common[head] + tail
        head, dot, last = head.rpartition(".")
        tail = f"{dot}{last}{tail}"
    return name

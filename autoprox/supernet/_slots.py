"""Which part of a shared parameter a subnet uses: the first values of each dimension, unless its layer says otherwise.

A subnet is the network that its space builds; nothing in it knows that its parameters are shared. Three things decide
which part of which shared parameter each of its parameters is:

- its name in the subnet. A network whose modules move with its genes, such as the blocks of a second stage, tells their
  common names in an attribute `elastic_names`, from prefix to prefix;
- parts: a fused map, such as queries, keys and values in one layer, is cut part by part. A module tells its own in an
  attribute `elastic_parts`, from names of its parameters to the number of parts; those of torch's attention are known;
- windows: a smaller convolution kernel is the middle of a larger one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

_TORCH_ATTENTION = {"in_proj_weight": 3, "in_proj_bias": 3}
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a parameter of a subnet lies in a shared one.

    Args:
        shared: Name of the shared parameter.
        shape: Shape of the parameter in the subnet.
        parts: Into how many equal parts the first dimension falls, each of which is cut for itself.
        windows: Whether the dimensions from the third on are cut from the middle.
    """

    shared: str
    shape: tuple[int, ...]
    parts: int = 1
    windows: bool = False

    def cut(self, shared: Tensor) -> Tensor:
        """The part of a shared parameter: a view, or a copy where there are several parts.

        Args:
            shared: At least as large in each dimension.

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
        """The same as a view: parts, where there are several, have a dimension of their own in front.

        Args:
            shared: At least as large in each dimension.

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
        """Whether a shared parameter of this shape holds it."""
        if len(shape) != len(self.shape):
            return False
        return all(map(int.__ge__, shape, self.shape)) and (not shape or shape[0] % self.parts == 0)


def slots_of(network: nn.Module) -> dict[str, Slot]:
    """The slots of all parameters of a subnet, by their names in it.

    Args:
        network: As its space builds it. A parameter that has two names there is listed under the first.

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
    """The common name, by the longest prefix that has one."""
    head, tail = name, ""
    while head:
        if head in common:
            return common[head] + tail
        head, dot, last = head.rpartition(".")
        tail = f"{dot}{last}{tail}"
    return name

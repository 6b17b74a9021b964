"""Latency layer by layer: the modules of a forward pass, timed separately and added up."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.base.digest import digest
from autoprox.networks.latency import fastest_forward
from autoprox.spaces import Arch, Space
from autoprox.spaces.task import TaskShape

KEY_LENGTH = 16
"""Hexadecimal characters of a layer's key."""


@dataclass(frozen=True, eq=False)
class TimedLayer:
    """A module with the arguments of its call.

    Args:
        key: Digest of classes, sizes and shapes of inputs; layers with the same key do the same work.
        time: Returns the seconds of its fastest pass, given the number of threads and the clock.
    """

    key: str
    time: Callable[[int, str], float]


def layers_of(space: Space, arch: Arch, task: TaskShape, batch_size: int) -> list[TimedLayer]:
    """The modules of the forward pass of a network, in the order of their calls.

    Containers (`Sequential`, `ModuleList`) are expanded, and so are modules that contain a `ModuleList`, the usual
    container of blocks. Operations outside these modules, such as adding positions, are not included.

    Raises:
        SpecError: If the space does not allow the architecture or the task.

    Example:
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("autoformer-micro")
        >>> arch = micro.arch({"hidden_dim": 24, "depth": 3, "mlp_ratio": [1, 2, 1], "num_heads": [2, 2, 2]})
        >>> layers = layers_of(micro, arch, TaskShape(10, 8, 1), batch_size=1)
        >>> len(layers), layers[1].key == layers[3].key, layers[1].key == layers[2].key  # patches, blocks, norm, head
        (6, True, False)
    """
    model = space.build(arch, *task)
    found: list[TimedLayer] = []

    def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        key = digest([_structure(module), _shapes(args), _shapes(kwargs)])[:KEY_LENGTH]
        found.append(TimedLayer(key, partial(_time, module, args, kwargs)))

    handles = [each.register_forward_pre_hook(note, with_kwargs=True) for each in _units(model)]
    with torch.inference_mode():
        model(torch.zeros(batch_size, task.in_chans, task.img_size, task.img_size))
    for handle in handles:
        handle.remove()
    return found


def added_up(layers: list[TimedLayer], times: Mapping[str, float]) -> float | None:
    """Sum of the seconds of all layers; None if a layer was not measured."""
    if any(layer.key not in times for layer in layers):
        return None
    return sum(times[layer.key] for layer in layers)


class _Call(nn.Module):
    """A module with its arguments, called like a network on images."""

    def __init__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__()
        self.module, self.args, self.kwargs = module, args, kwargs

    def forward(self, _: Tensor) -> Any:
        return self.module(*self.args, **self.kwargs)


def _time(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], threads: int, clock: str) -> float:
    return fastest_forward(_Call(module, args, kwargs), torch.empty(0), threads, clock)


def _units(module: nn.Module) -> Iterator[nn.Module]:
    """The modules of a network that are not expanded."""
    for child in module.children():
        opened = isinstance(child, nn.Sequential | nn.ModuleList)
        if opened or any(isinstance(each, nn.ModuleList) for each in child.modules()):
            yield from _units(child)
        else:
            yield child


def _structure(module: nn.Module) -> list[Any]:
    """Classes and sizes of a module and its submodules; rates and other fractions do not affect the work."""
    found = []
    for name, each in module.named_modules():
        sizes = {key: value for key, value in vars(each).items() if isinstance(value, int | str)}
        shapes = {key: list(value.shape) for key, value in each.named_parameters(recurse=False)}
        # Kernels and strides are tuples, which only the representation of torch's layers shows.
        shown = each.extra_repr() if type(each).__module__.startswith("torch.") else ""
        found.append([name, f"{type(each).__module__}.{type(each).__qualname__}", shown, sizes, shapes])
    return found


def _shapes(value: Any) -> Any:
    """Shapes of tensors within arguments; other plain values unchanged."""
    if isinstance(value, Tensor):
        return ["tensor", list(value.shape)]
    if isinstance(value, Mapping):
        return {str(key): _shapes(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shapes(each) for each in value]
    return value if isinstance(value, int | float | str | bool | None) else type(value).__name__

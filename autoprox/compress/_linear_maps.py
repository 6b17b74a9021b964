"""The linear maps of a trained network, and groups of maps that are compressed together."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from autoprox.inspect import Node, Role, Site
from autoprox.inspect.batch import logits_of
from autoprox.scorers import prepared

EDGES = (Role.EMBED, Role.HEAD)
"""Roles of the first and last maps of a network, which have separate defaults."""


@dataclass(frozen=True, slots=True)
class LinearMap:
    """A weight that is multiplied with its input; several modules may share one map.

    Args:
        holders: Qualified names of the modules with the weight.
        weight: Name of the weight in these modules.
        role: Role in the network.
        outputs: Number of output features or channels.
        inputs: Elements of the weight per output.
        macs: Multiply-accumulates per image, over all uses.
        dim: Dimension of the outputs in the weight.
        watched: True if all holders are called as modules, so that inputs can be observed.
        plain: True if all holders are plain `nn.Linear` layers that are called as modules.
    """

    holders: tuple[str, ...]
    weight: str
    role: Role
    outputs: int
    inputs: int
    macs: int
    dim: int
    watched: bool
    plain: bool

    @property
    def name(self) -> str:
        """Qualified name of the first holder; with the name of the weight, unless it is `weight`."""
        first = self.holders[0]
        return first if self.weight == "weight" and first else ".".join(filter(None, (first, self.weight)))

    @property
    def size(self) -> int:
        """Number of elements of the weight."""
        return self.outputs * self.inputs

    def parameter(self, model: nn.Module) -> nn.Parameter:
        """The weight in a model."""
        found: nn.Parameter = model.get_submodule(self.holders[0])._parameters[self.weight]  # type: ignore[assignment]
        return found


@dataclass(frozen=True, slots=True)
class MapGroup:
    """Maps with a common choice: one map, or several with the same input that inference fuses.

    Args:
        maps: The maps.

    Attributes:
        name: Name of the first map.
    """

    maps: tuple[LinearMap, ...]

    @property
    def name(self) -> str:
        """Name of the first map."""
        return self.maps[0].name


def linear_maps(model: nn.Module, images: Any) -> tuple[list[LinearMap], int]:
    """The linear maps of a network in forward order, and the number of its logits.

    Args:
        model: Any network, unchanged afterwards.
        images: A batch for the network.

    Raises:
        CollectionError: If the network has no linear map, is already quantised, or fails on the images.
    """
    with prepared(model, images, None) as subject:
        names = {id(module): name for name, module in model.named_modules()}
        counted = zip(subject.at(Site.LINEAR), subject.collect("macs").counts["macs"].tolist(), strict=True)
        uses: dict[int, list[tuple[Node, nn.Module, str, float]]] = {}
        for node, macs in counted:
            owner, name = node.owner, node.attribute
            parameter = owner._parameters.get(name)
            if parameter is not None and id(owner) in names:
                uses.setdefault(id(parameter), []).append((node, owner, name, macs))
        with torch.no_grad():
            logits = logits_of(model(subject.images))
        return [_map(each, names) for each in uses.values()], int(logits.shape[-1])


def grouped(model: nn.Module, images: Any, maps: Iterable[LinearMap]) -> list[MapGroup]:
    """Groups maps that inference fuses: linear layers of one module with the same input tensor.

    These are queries, keys and values, and the gate and first layer of a gated MLP.
    """
    last: dict[str, tuple[Tensor, int]] = {}
    groups: list[list[LinearMap]] = []

    def look(found: LinearMap, inputs: Tensor) -> None:
        parent = found.holders[0].rpartition(".")[0]
        before = last.get(parent)
        if any(found in group for group in groups):
            return
        if found.plain and parent and before is not None and before[0] is inputs:
            groups[before[1]].append(found)
        else:
            groups.append([found])
            last[parent] = (inputs, len(groups) - 1)

    listed = list(maps)
    watch(model, images, listed, look)
    known = {found for group in groups for found in group}
    whole = [MapGroup(tuple(group)) for group in groups] + [MapGroup((each,)) for each in listed if each not in known]
    order = {each: place for place, each in enumerate(listed)}
    return sorted(whole, key=lambda group: order[group.maps[0]])


def watch(
    model: nn.Module, images: Any, maps: Iterable[LinearMap], look: Callable[[LinearMap, Tensor], object]
) -> None:
    """Runs one forward pass, and calls `look` with the input of each observable map, layer by layer."""
    with prepared(model, images, None) as subject, torch.no_grad(), _hooked(model, maps, look):
        model(subject.images)


@contextmanager
def _hooked(model: nn.Module, maps: Iterable[LinearMap], look: Callable[[LinearMap, Tensor], object]) -> Iterator[None]:
    with ExitStack() as hooks:
        for each in maps:
            for holder in each.holders if each.watched else ():

                def hook(_module: nn.Module, inputs: tuple[Tensor, ...], found: LinearMap = each) -> None:
                    look(found, inputs[0])

                hooks.callback(model.get_submodule(holder).register_forward_pre_hook(hook).remove)
        yield


def _map(uses: list[tuple[Node, nn.Module, str, float]], names: dict[int, str]) -> LinearMap:
    node, owner, weight, _ = uses[0]
    parameter = owner._parameters[weight]
    assert parameter is not None
    holders = tuple(dict.fromkeys(names[id(each)] for _, each, _, _ in uses))
    called = all(each.holder is None for each, _, _, _ in uses)
    # transformers' Conv1D stores its weight transposed.
    dim = 1 if type(owner).__name__ == "Conv1D" else 0
    return LinearMap(
        holders=holders,
        weight=weight,
        role=node.role,
        outputs=parameter.shape[dim],
        inputs=parameter.numel() // parameter.shape[dim],
        macs=round(sum(macs for _, _, _, macs in uses)),
        dim=dim,
        watched=called,
        plain=called and all(type(each).forward is nn.Linear.forward for _, each, _, _ in uses),
    )

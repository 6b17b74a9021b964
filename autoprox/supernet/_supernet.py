"""The supernet: one network for a whole space, with parameters shared by all architectures."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.base.digest import derived_seed
from autoprox.base.errors import SpecError
from autoprox.networks.factorised import held_value
from autoprox.spaces import Arch, Candidate, Space
from autoprox.supernet._covering import covering
from autoprox.supernet._initial import initial_parameters
from autoprox.supernet._running import Running
from autoprox.supernet._slots import Slot, slots_of

_KEPT = 64
# Number of cached subnet modules: the largest and smallest recur in each step, others rarely.
_CHECKED = 20
# Number of random architectures that must fit into a supernet.


class Supernet(nn.Module):
    """A weight-sharing network over all architectures of a space (Chen 2021, https://arxiv.org/abs/2107.00651).

    Running statistics of batch normalisations are not shared; `recalibrate` sets those of an extracted network.

    A subnet is the network that the space builds, with slices of the shared parameters (`autoprox.supernet.slots_of`).
    A space therefore works if its networks use the same names for corresponding parameters.

    Args:
        space: The space.
        num_classes: Number of classes, at least 2.
        img_size: Edge of the image in px; the default of the space if None.
        in_chans: Channels of the image.
        seed: Seed of the initialisation.

    Attributes:
        shared: The shared parameters, with `/` for `.` in their names.
        selected: The selected architecture; initially the largest.

    Raises:
        SpecError: If the layers of the space are not elastic, or it does not take the images.

    Example:
        >>> from autoprox.spaces import load_space
        >>> micro = load_space("pit-micro")
        >>> supernet = Supernet(micro, num_classes=10, img_size=8, in_chans=1)
        >>> arch = micro.sample(np.random.default_rng(0))
        >>> images = torch.randn(2, 1, 8, 8)
        >>> torch.allclose(supernet.select(arch)(images), supernet.extract(arch)(images), atol=1e-5)
        True
    """

    def __init__(
        self, space: Space, *, num_classes: int, img_size: int | None = None, in_chans: int = 3, seed: int = 0
    ) -> None:
        super().__init__()
        self.space = space
        self.task = space.check_task(num_classes, img_size, in_chans)
        self._networks: OrderedDict[Arch, Running] = OrderedDict()
        self._places: tuple[int, ...] = ()
        cover = list(covering(space))
        if not cover:
            raise SpecError(
                f"The space '{space.name}' does not allow the architecture of largest choices, so that it cannot have "
                "a supernet. Allow it, or take another space."
            )
        self.selected = cover[0]
        networks = [
            space.elastic.build(arch, *self.task, seed=derived_seed("supernet", seed, place) % 2**63)
            for place, arch in enumerate(cover)
        ]
        initial = initial_parameters(networks, seed)
        self.shared = nn.ParameterDict({name.replace(".", "/"): value for name, value in initial.items()})
        self._check_elastic()

    def select(self, arch: Candidate) -> "Supernet":
        """Selects a subnet; returns the supernet itself.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        self.selected = self.space.arch(arch)
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Maps images `(B, in_chans, img_size, img_size)` to logits `(B, num_classes)` of the selected subnet.

        Gradients reach the shared parameters only by `backward`, not by `torch.autograd.grad`.
        """
        return self._running(self.selected)(images, training=self.training)

    def parts(self, arch: Candidate) -> Iterator[tuple[str, Tensor]]:
        """The parameters of a subnet by name, as slices of the shared ones.

        Raises:
            SpecError: If the space does not allow the architecture, or its network has a parameter that is not shared.
        """
        known = self.space.arch(arch)
        yield from self._parts(known, self._built(known))

    def _parts(self, arch: Arch, network: nn.Module) -> Iterator[tuple[str, Tensor]]:
        for name, slot in slots_of(network).items():
            yield name, slot.cut(self._held(slot, arch))

    def extract(self, arch: Candidate) -> nn.Module:
        """A stand-alone network with copies of the parameters of a subnet, in evaluation mode.

        Layers that are factorised only for sharing have the form that the space builds.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        known = self.space.arch(arch)
        network = self.space.build(known, *self.task)
        shared_form = network if self.space.elastic is self.space else self._built(known)
        held = dict(self._parts(known, shared_form))
        with torch.no_grad():
            for name, own in network.named_parameters():
                own.copy_(held_value(held, name))
        return network

    def _built(self, arch: Arch) -> nn.Module:
        """The network of a subnet in the form that shares parameters."""
        return self.space.elastic.build(arch, *self.task)

    def _running(self, arch: Arch) -> Running:
        """The cached subnet; rebuilt if the shared parameters moved in memory, for example by `to`."""
        places = tuple(value.data_ptr() for value in self.shared.parameters())
        if places != self._places:
            self._networks.clear()
            self._places = places
        if arch in self._networks:
            self._networks.move_to_end(arch)
            return self._networks[arch]
        network = self._built(arch)
        slots = slots_of(network)
        found = self._networks[arch] = Running(network, slots, {s.shared: self._held(s, arch) for s in slots.values()})
        if len(self._networks) > _KEPT:
            self._networks.popitem(last=False)
        return found

    def __getstate__(self) -> dict[str, Any]:
        """State without cached subnets, which refer to the memory of this supernet."""
        return {**self.__dict__, "_networks": OrderedDict(), "_places": ()}

    def _held(self, slot: Slot, arch: Arch) -> nn.Parameter:
        found = self.shared._parameters.get(slot.shared.replace(".", "/"))
        if found is None or not slot.fits(tuple(found.shape)):
            held = "is missing" if found is None else f"has shape {tuple(found.shape)}"
            raise SpecError(
                f"The layers of the space '{self.space.name}' are not elastic: a parameter '{slot.shared}' of shape "
                f"{slot.shape} is part of {arch.json}, but {held} in the supernet of the largest choices. Use the same "
                "names for corresponding layers, or declare common names in an attribute `elastic_names` of the "
                "network."
            )
        return found

    def _check_elastic(self) -> None:
        rng = np.random.default_rng(0)
        for arch in dict.fromkeys(self.space.sample(rng) for _ in range(_CHECKED)):
            for slot in slots_of(self._built(arch)).values():
                self._held(slot, arch)

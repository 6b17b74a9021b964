"""One network for a whole space: all its architectures share their parameters."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from autoprox.base.digest import derived_seed
from autoprox.base.errors import SpecError
from autoprox.spaces import Arch, Candidate, Space
from autoprox.supernet._slots import Slot, slots_of

_KEPT = 64
# Subnets whose modules are kept: the largest and smallest come in each step, others seldom come twice.
_CHECKED = 20
# Random architectures that have to fit before a supernet is taken for one.


class Supernet(nn.Module):
    """A weight-sharing network over all architectures of a space (Chen 2021, https://arxiv.org/abs/2107.00651).

    Running statistics of batch normalisations are not shared; `recalibrate` gives those of an extracted network.

    A subnet runs as the network that the space builds, with parameters that are parts of the shared ones: see
    `autoprox.supernet.slots_of` for which. So any space works whose networks name corresponding parameters alike.

    Args:
        space: The space.
        num_classes: Number of classes, at least 2.
        img_size: Edge of the image in px; the default of the space if None.
        in_chans: Channels of the image.
        seed: Seed of the initialisation.

    Attributes:
        shared: The shared parameters, with `/` for `.` in their names.
        selected: The architecture that runs; at first the largest.

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
        self._networks: OrderedDict[Arch, tuple[nn.Module, dict[str, Slot]]] = OrderedDict()
        cover = list(covering(space))
        if not cover:
            raise SpecError(f"The space '{space.name}' has no architecture of largest choices to make a supernet of.")
        self.selected = cover[0]
        self.shared = nn.ParameterDict(
            {name.replace(".", "/"): nn.Parameter(value) for name, value in self._initial(cover, seed).items()}
        )
        self._check_elastic()

    def select(self, arch: Candidate) -> "Supernet":
        """Chooses the subnet that runs; returns the supernet itself.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        self.selected = self.space.arch(arch)
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Maps images `(B, in_chans, img_size, img_size)` to logits `(B, num_classes)` of the selected subnet."""
        network = self._subnet(self.selected)[0].train(self.training)
        # Running statistics are those of one subnet: they are not shared, and what one step notes is dropped.
        buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
        logits: Tensor = functional_call(network, {**dict(self.parts(self.selected)), **buffers}, (images,))
        return logits

    def parts(self, arch: Candidate) -> Iterator[tuple[str, Tensor]]:
        """The parameters of a subnet by their names in it, as parts of the shared ones.

        Raises:
            SpecError: If the space does not allow the architecture, or its network has a parameter that is not shared.
        """
        known = self.space.arch(arch)
        for name, slot in self._subnet(known)[1].items():
            yield name, slot.cut(self._held(slot, known))

    def extract(self, arch: Candidate) -> nn.Module:
        """A stand-alone network with copies of the parameters of a subnet, in evaluation mode.

        Raises:
            SpecError: If the space does not allow the architecture.
        """
        network = self.space.build(arch, *self.task)
        own = dict(network.named_parameters())
        with torch.no_grad():
            for name, part in self.parts(arch):
                own[name].copy_(part)
        return network

    def _subnet(self, arch: Arch) -> tuple[nn.Module, dict[str, Slot]]:
        """The module of a subnet, whose own parameters are never read, and where its parameters lie."""
        if arch in self._networks:
            self._networks.move_to_end(arch)
        else:
            network = self.space.build(arch, *self.task)
            self._networks[arch] = network, slots_of(network)
            if len(self._networks) > _KEPT:
                self._networks.popitem(last=False)
        return self._networks[arch]

    def _held(self, slot: Slot, arch: Arch) -> Tensor:
        key = slot.shared.replace(".", "/")
        if key not in self.shared or not slot.fits(tuple(self.shared[key].shape)):
            held = f"has shape {tuple(self.shared[key].shape)}" if key in self.shared else "is missing"
            raise SpecError(
                f"The layers of the space '{self.space.name}' are not elastic: a parameter '{slot.shared}' of shape "
                f"{slot.shape} is part of {arch.json}, and {held} in the supernet of its largest choices. Name "
                "corresponding layers alike, or tell their common names in an attribute `elastic_names` of the network."
            )
        found: Tensor = self.shared[key]
        return found

    def _initial(self, cover: list[Arch], seed: int) -> dict[str, Tensor]:
        """Fresh shared parameters: each value as in the first of the covering networks that has it."""
        networks = [
            self.space.build(arch, *self.task, seed=derived_seed("supernet", seed, place) % 2**63)
            for place, arch in enumerate(cover)
        ]
        shapes: dict[str, tuple[int, ...]] = {}
        for network in networks:
            for slot in slots_of(network).values():
                known = shapes.get(slot.shared, slot.shape)
                shapes[slot.shared] = tuple(map(max, known, slot.shape)) if len(known) == len(slot.shape) else known
        values = {name: torch.full(shape, torch.nan) for name, shape in shapes.items()}
        for network in networks:
            parameters = dict(network.named_parameters())
            for name, slot in slots_of(network).items():
                _fill(values[slot.shared], slot, parameters[name].detach())
        return {name: _completed(value, derived_seed("supernet", seed, name)) for name, value in values.items()}

    def _check_elastic(self) -> None:
        rng = np.random.default_rng(0)
        for _ in range(_CHECKED):
            arch = self.space.sample(rng)
            for slot in slots_of(self.space.build(arch, *self.task)).values():
                self._held(slot, arch)


def covering(space: Space) -> Iterator[Arch]:
    """Architectures whose parameters together hold those of all others, the largest first.

    The largest has the largest choice of each gene; the others differ from it in one gene, which has another choice in
    all its places. Of choices that are numbers, the largest is enough.
    """
    largest = {gene.name: max(gene.choices, key=_size) for gene in space.layout.genes}
    seen = dict.fromkeys(_with(space, largest))
    for gene in space.layout.genes:
        for choice in gene.choices:
            if isinstance(choice, str | tuple):
                seen.update(dict.fromkeys(_with(space, {**largest, gene.name: choice})))
    yield from seen


def extreme(space: Space, choose: Callable[..., Any]) -> Arch | None:
    """The architecture of the largest (`max`) or smallest (`min`) choice of each gene; None if it is not allowed."""
    choices = {gene.name: choose(gene.choices, key=_size) for gene in space.layout.genes}
    return next(iter(_with(space, choices)), None)


def _with(space: Space, choices: Mapping[str, object]) -> list[Arch]:
    """The architecture with one choice for each gene, in all its places; none if the space does not allow it."""
    genes: dict[str, object] = {gene.name: choices[gene.name] for gene in space.layout.fixed}
    for gene in space.layout.layered:
        genes[gene.name] = [choices[gene.name]] * space.layout.count(gene, genes)
    return [] if space.why_not(genes) else [space.arch(genes)]


def _size(choice: object) -> float:
    """By which choices are compared: numbers by value, groups of them by their sum; texts are all alike."""
    if isinstance(choice, tuple):
        return sum(map(_size, choice))
    return float(choice) if isinstance(choice, int | float) else 0.0


def _fill(shared: Tensor, slot: Slot, value: Tensor) -> None:
    """Writes a parameter where the shared one has no value yet."""
    if not slot.fits(tuple(shared.shape)):
        return
    places = torch.arange(shared.numel()).view(shared.shape)
    mine = slot.cut(places).flatten()
    flat = shared.view(-1)
    empty = flat[mine].isnan()
    flat[mine[empty]] = value.flatten()[empty]


def _completed(value: Tensor, seed: int) -> Tensor:
    """Draws what no covering network has, as widely spread as the rest."""
    missing = value.isnan()
    if not missing.any():
        return value
    known = value[~missing]
    spread = float(known.std()) if known.numel() > 1 else 0.0
    generator = torch.Generator().manual_seed(seed % 2**63)
    drawn = torch.empty_like(value).normal_(0.0, 1.0, generator=generator) * spread + known.mean()
    return torch.where(missing, drawn, value)


@torch.no_grad()
def recalibrate(network: nn.Module, images: Tensor, batch_size: int = 100) -> nn.Module:
    """Sets the running statistics of batch normalisations to the means over batches; a network without any stays.

    Args:
        network: For example of `Supernet.extract`; comes back in evaluation mode.
        images: `(N, C, H, W)`, of the training images.
        batch_size: Images of one batch.

    Example:
        >>> norm = recalibrate(nn.BatchNorm2d(1), torch.full((4, 1, 2, 2), 3.0))
        >>> norm.running_mean.item(), norm.training
        (3.0, False)
    """
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return network.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
    network.train()
    for batch in torch.split(images, batch_size):
        network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return network.eval()

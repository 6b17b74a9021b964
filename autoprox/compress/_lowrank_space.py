"""Low rank: a space with the ranks of the linear layers of a trained network as genes.

As in FLORA (Chang 2024, https://arxiv.org/abs/2311.03912), each layer inherits the leading singular directions of the
trained layer, so that the factors of a smaller rank are part of those of a larger rank.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from autoprox.base.errors import SpecError
from autoprox.compress._compressed import FACTS, CompressedSpace, default_name, look_at, replace_module
from autoprox.compress._linear_maps import LinearMap, watch
from autoprox.networks.factorised import FactorisedLinear, Factors, factorised_size
from autoprox.spaces import Counts, Gene, Layout, TaskShape
from autoprox.spaces.genes import Genes

RATIOS = (1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 1.0)
"""Ranks as shares of the full rank, as in FLORA: between 6/8 and 1, factors cost more than the dense layer."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LowRankSpace(CompressedSpace):
    """The space that `lowrank_space` returns.

    Args:
        factors: Singular value decomposition of each map, by name.
        output_energies: Energy of the output of each map along each singular direction, `(k,)`, summed over the tokens
            of all images, by name.
        thin: True to factorise layers even if factors cost more than the dense layer, so that ranks nest.
    """

    factors: dict[str, Factors] = field(repr=False)
    output_energies: dict[str, npt.NDArray[np.float64]] = field(repr=False)
    own_statistics: tuple[str, ...] = ("rank", "weight_energy", "output_energy")
    thin: bool = False

    @property
    def gene(self) -> str:
        """Name of the gene."""
        return "ranks"

    @property
    def settings(self) -> list[Any]:
        """No further settings."""
        return []

    @cached_property
    def elastic(self) -> "LowRankSpace":
        """The space with factorised layers at every rank; smaller ranks use the first factors of larger ones."""
        return replace(self, thin=True, reference=None, place=None)

    def counts_of(self, genes: Genes, _task: TaskShape) -> Counts:
        """Parameters and multiply-accumulates; layers count as dense unless their factors are smaller."""
        params, macs = self.given.counts.params, self.given.counts.macs
        for found, ratio in self.maps_with(genes):
            size = map_size(found, ratio)
            params -= found.size - size
            macs -= found.macs // found.size * (found.size - size)
        return Counts(params, macs, params)

    def features_of(self, genes: Genes) -> dict[str, float]:
        """`mean_ratio` over the groups, and `mean_rank` over their maps."""
        pairs = self.maps_with(genes)
        return {
            "mean_ratio": sum(genes["ranks"]) / len(genes["ranks"]),
            "mean_rank": sum(rank_of(found, ratio) for found, ratio in pairs) / len(pairs),
        }

    def weight_with(self, found: LinearMap, choice: float) -> Tensor:
        """The truncated weight."""
        weight, rank = found.parameter(self.source).detach(), rank_of(found, choice)
        dense = rank == min(found.outputs, found.inputs)
        return weight if dense else self.factors[found.name].truncated(rank).to(weight.dtype)

    def compressed(self, choices: tuple[int, ...]) -> nn.Module:
        """A copy of the network with factorised layers, or truncated dense layers if factors would cost more."""
        pairs = self.maps_with({"ranks": [self.choices[place] for place in choices]})
        model = copy.deepcopy(self.source)
        for found, ratio in pairs:
            rank, full = rank_of(found, ratio), min(found.outputs, found.inputs)
            replaced = self._weights(found, rank) if self.thin or rank < full else None
            for holder in found.holders:
                module = model.get_submodule(holder)
                assert isinstance(module, nn.Linear)
                for part in _put(model, holder, module, replaced):
                    setattr(part, FACTS, {"rank": rank, **self.kept(found, rank)})
        return model

    def kept(self, found: LinearMap, rank: int) -> dict[str, float]:
        """Retained shares, at a rank, of the energy of the weight and of its output on the images."""
        squares = self.factors[found.name].values.square().numpy()
        seen = self.output_energies[found.name]
        return {"weight_energy": _part(squares, rank), "output_energy": _part(seen, rank)}

    def _weights(self, found: LinearMap, rank: int) -> list[nn.Parameter]:
        """The factors, or one dense weight of this rank if factors would cost more."""
        weight, factors = found.parameter(self.source), self.factors[found.name]
        dense = not self.thin and factorised_size(found.outputs, found.inputs, rank) == found.size
        tensors = [factors.truncated(rank)] if dense else factors.pair(rank)
        return [
            nn.Parameter(each.to(weight.dtype).contiguous(), requires_grad=weight.requires_grad) for each in tensors
        ]


def lowrank_space(
    model: nn.Module,
    images: Any,
    ratios: Sequence[float] = RATIOS,
    *,
    checkpoint: str | Path | None = None,
    name: str | None = None,
) -> LowRankSpace:
    """Creates a space of the ranks of the linear layers of a trained network.

    Its gene `ranks` has one value per group in `space.groups`: a linear layer, or several with the same input tensor
    (queries, keys and values). The value is the rank as a share of the full rank, the smaller size of the weight.
    Embedding, head, convolutions, and weights used by functions are unchanged.

    Args:
        model: A trained network of any origin; it is copied and not changed.
        images: A batch `(B, C, H, W)` of square images for the energy of outputs.
        ratios: Choices of a group, above 0 and up to 1; 1 leaves the layer unchanged.
        checkpoint: A safetensors file with the parameters of the network; None if the model is already trained.
        name: Name of the space; by default the network's class and `-ranks`.

    Raises:
        SpecError: If a ratio is invalid, no map remains, or the images are not square.
        CollectionError: If the network has no linear map, is already quantised, or fails on the images.
        StoreMismatchError: If the checkpoint does not fit the network.

    Example:
        >>> trained = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.GELU(), nn.Linear(8, 8), nn.Linear(8, 3))
        >>> space = lowrank_space(trained, torch.ones(2, 1, 4, 4))
        >>> space.counts({"ranks": [1]}).params, space.counts({"ranks": [0.25]}).params
        (235, 203)
        >>> space.build({"ranks": [0.25]})[3].first.weight.shape
        torch.Size([2, 8])
    """
    if not isinstance(ratios, Iterable):
        raise SpecError(f"The ratios are {ratios!r}; give at least one, each above 0 and up to 1.")
    choices = tuple(_checked(each) for each in ratios)
    given = look_at(model, images, checkpoint, edges=False, plain=True)
    factors = {found.name: Factors.of(found.parameter(given.source)) for found in given.maps}
    energies = {found.name: torch.zeros(len(factors[found.name].values), dtype=torch.float64) for found in given.maps}

    def add(found: LinearMap, inputs: Tensor) -> None:
        # Left singular vectors are orthogonal, so that energies along them add up.
        held = factors[found.name]
        along = inputs.flatten(0, -2).double() @ held.right.T
        energies[found.name] += held.values.square() * along.square().sum(0)

    watch(given.source, images, given.maps, add)
    return LowRankSpace(
        name=name or default_name(model, "ranks"),
        layout=Layout((Gene("ranks", choices, along=len(given.groups)),)),
        default_img_size=given.task.img_size,
        img_sizes=(given.task.img_size,),
        own_task=given.task,
        given=given,
        choices=choices,
        factors=factors,
        output_energies={held: values.numpy() for held, values in energies.items()},
    )


def rank_of(found: LinearMap, ratio: float) -> int:
    """The rank of a map, at least 1."""
    return max(1, round(ratio * min(found.outputs, found.inputs)))


def map_size(found: LinearMap, ratio: float) -> int:
    """Number of elements of a map's weight at a ratio; dense unless the factors have fewer, as published."""
    return factorised_size(found.outputs, found.inputs, rank_of(found, ratio))


def _put(model: nn.Module, holder: str, module: nn.Linear, weights: list[nn.Parameter] | None) -> list[nn.Module]:
    """Replaces the weights of a layer; returns the layers with the new weights."""
    if weights is not None and len(weights) == 2:
        pair = FactorisedLinear(weights[0], weights[1], module.bias)
        pair.train(module.training)
        replace_module(model, holder, pair)
        return [pair.first, pair.second]
    if weights is not None:
        module.weight = weights[0]
    return [module]


def _part(energies: npt.NDArray[np.float64], rank: int) -> float:
    total = float(energies.sum())
    return float(energies[:rank].sum()) / total if total > 0 else 1.0


def _checked(ratio: object) -> float:
    if isinstance(ratio, bool) or not isinstance(ratio, Real) or not 0 < float(ratio) <= 1:
        raise SpecError(f"{ratio!r} is not a valid ratio of ranks; give numbers above 0 and up to 1.")
    return float(ratio)

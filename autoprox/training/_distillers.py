"""Alternatives to locality guidance: distillation from the teacher's logits, or by a similarity of DisWOT as loss.

DisWOT (Dong 2023, https://arxiv.org/abs/2303.15678) compares a teacher with an untrained student by two distillation
losses: the relations of images (Tung 2019, https://arxiv.org/abs/1907.09682) and the correlations of channels (Liu
2021, https://arxiv.org/abs/2202.03680).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from autoprox.base.errors import SpecError
from autoprox.base.isolation import isolated
from autoprox.statistics.maps import blocks_of, feature_map
from autoprox.training._distilled import Distilled, probe_of
from autoprox.training._guidance import divergence, resized
from autoprox.training._one_training import Training
from autoprox.training._teacher import Teaching, teaching
from autoprox.training.loop import Guide
from autoprox.training.recipe import Recipe


def relation_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of the relations between images; maps `(B, C, H, W)` may differ in width.

    The relations are the `B x B` products of flattened maps, with rows of norm 1.
    """
    ours, theirs = (_unit_rows(each.flatten(1) @ each.flatten(1).T) for each in (student, teacher))
    return functional.mse_loss(ours, theirs)


def semantic_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of the correlations of channels, `C x C` per image; maps have equal width and grid."""
    ours, theirs = (_unit_rows(each.flatten(2)) for each in (student, teacher))
    return functional.mse_loss(ours @ ours.transpose(1, 2), theirs @ theirs.transpose(1, 2))


def _unit_rows(rows: Tensor) -> Tensor:
    return functional.normalize(rows, dim=-1)


_OF_MAPS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"relation": relation_loss, "semantic": semantic_loss}
LOGITS = "logits"
DISTILLERS = (LOGITS, *_OF_MAPS)
"""Names of the alternatives to locality guidance."""


@dataclass(frozen=True)
class DistilledBy(Distilled):
    """Trains a network with distillation from a teacher's logits, or by a DisWOT similarity of the last feature maps.

    Args:
        distiller: One of `DISTILLERS`.
        weight: Weight of the distance in the loss.
        version: Incremented when a change of the code changes labels.

    Raises:
        SpecError: If there is no such distiller.
    """

    distiller: str = LOGITS
    weight: float = 1.0
    version: int = 1

    def __post_init__(self) -> None:
        if self.distiller not in DISTILLERS:
            raise SpecError(f"There is no distiller '{self.distiller}'; allowed: {', '.join(DISTILLERS)}.")

    def guide(self, network: nn.Module, training: Training, recipe: Recipe) -> Guide:
        """Distance to the teacher's logits or maps."""
        taught = teaching(training.data(), recipe)
        if self.distiller == LOGITS:
            return _LogitGuide(taught, self.weight, recipe.distillation.temperature)
        probe = probe_of(network, training)
        return _MapGuide(network, taught, probe, self, training.seed("projections"))


class _LogitGuide:
    def __init__(self, taught: Teaching, weight: float, temperature: float) -> None:
        self._logits, self._weight, self._temperature = taught.logits, weight, temperature

    def parameters(self) -> list[nn.Parameter]:
        return []

    def loss(self, batch: Tensor, logits: Tensor) -> Tensor:
        self._logits = self._logits.to(logits.device)
        return self._weight * divergence(logits, self._logits[batch], self._temperature)


class _MapGuide:
    """Compares the last maps of student and teacher on the student's grid, in the teacher's width.

    A learned projection maps the student's width to the teacher's.
    """

    def __init__(self, student: nn.Module, taught: Teaching, images: Tensor, by: DistilledBy, seed: int) -> None:
        self._distance, self._weight = _OF_MAPS[by.distiller], by.weight
        self._kept: dict[str, Tensor] = {}
        blocks_of(student, images)[-1].register_forward_hook(self._keep)
        with torch.no_grad():
            student(images)
        width, grid = self._kept["map"].shape[1], self._kept["map"].shape[-1]
        self._target = resized(taught.maps[-1], grid).to(images.device)
        with isolated(seed=seed):
            self._projection = nn.Conv2d(width, self._target.shape[1], 1).to(images.device)

    def parameters(self) -> list[nn.Parameter]:
        return list(self._projection.parameters())

    def loss(self, batch: Tensor, logits: Tensor) -> Tensor:
        del logits
        return self._weight * self._distance(self._projection(self._kept["map"]), self._target[batch])

    def _keep(self, _module: nn.Module, _arguments: object, output: Any) -> None:
        found = feature_map(output)
        if found is not None:
            self._kept["map"] = found


by_logits = DistilledBy(LOGITS, weight=1.0)
by_relation = DistilledBy("relation", weight=100.0)
by_semantic = DistilledBy("semantic", weight=1.0)

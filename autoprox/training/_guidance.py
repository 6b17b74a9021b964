"""Locality guidance: three blocks of a network imitate the feature maps of a convolutional teacher.

In Li 2022 (https://arxiv.org/abs/2207.10026), fixed blocks of a transformer with twelve blocks imitate the three stages
of a residual network through 1 x 1 convolutions. Depths differ here, so the first, the middle and the last block
imitate; in a network with one block, this block imitates all three stages. The teacher's map is resized to the
student's grid. The distance is the mean squared difference, averaged over stages.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from autoprox.base.isolation import isolated
from autoprox.statistics.maps import blocks_of, feature_map
from autoprox.training._teacher import Teaching
from autoprox.training.recipe import Distillation


class Guidance:
    """Adds the distance to a teacher to the loss of a student.

    Args:
        student: A network with blocks that output maps; see `blocks_of`.
        teaching: Feature maps and logits of the teacher, for the training images in their order.
        images: Some training images `(B, C, H, W)` on the student's device, for one forward pass to read its sizes.
        distillation: The weights.
        seed: Seed of the projections.
    """

    def __init__(
        self, student: nn.Module, teaching: Teaching, images: Tensor, distillation: Distillation, seed: int
    ) -> None:
        self._distillation = distillation
        self._logits = teaching.logits.to(images.device)
        self._maps: dict[int, Tensor] = {}
        blocks = blocks_of(student, images)
        chosen = (blocks[0], blocks[len(blocks) // 2], blocks[-1])
        for stage, block in enumerate(chosen):
            block.register_forward_hook(self._keep(stage))
        with torch.no_grad():
            student(images)
        sizes = [(given.shape[-1], given.shape[1]) for _, given in sorted(self._maps.items())]
        self._targets = [
            resized(target, grid).to(images.device) for target, (grid, _) in zip(teaching.maps, sizes, strict=True)
        ]
        with isolated(seed=seed):
            self._projections = nn.ModuleList(
                nn.Conv2d(width, target.shape[1], 1) for target, (_, width) in zip(self._targets, sizes, strict=True)
            ).to(images.device)

    def parameters(self) -> list[nn.Parameter]:
        """Parameters of the projections from the student's width to the teacher's channels."""
        return list(self._projections.parameters())

    def loss(self, batch: Tensor, logits: Tensor) -> Tensor:
        """Weighted distance to the teacher over the training images with the indices `batch`, `(B,)`."""
        distances = [
            functional.mse_loss(projection(self._maps[stage]), target[batch])
            for stage, (projection, target) in enumerate(zip(self._projections, self._targets, strict=True))
        ]
        loss = self._distillation.guidance_weight * torch.stack(distances).mean()
        if self._distillation.logit_weight:
            softened = divergence(logits, self._logits[batch], self._distillation.temperature)
            loss = loss + self._distillation.logit_weight * softened
        return loss

    def _keep(self, stage: int):  # type: ignore[no-untyped-def]
        def hook(_module: nn.Module, _arguments: object, output: Any) -> None:
            given = feature_map(output)
            if given is not None:
                self._maps[stage] = given

        return hook


def resized(target: Tensor, grid: int) -> Tensor:
    """Resizes maps `(N, C, H, W)` to another grid: by area means to a smaller one, bilinearly to a larger one."""
    if target.shape[-1] >= grid:
        return functional.adaptive_avg_pool2d(target, grid)
    return functional.interpolate(target, size=(grid, grid), mode="bilinear", align_corners=False)


def divergence(logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Kullback-Leibler divergence of softened predictions, times the squared temperature (Hinton 2015)."""
    ours, theirs = (each.div(temperature).log_softmax(dim=1) for each in (logits, teacher_logits))
    return functional.kl_div(ours, theirs, reduction="batchmean", log_target=True) * temperature**2

"""Labels of networks that are distilled from a teacher."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from autoprox.datasets import Dataset
from autoprox.training._guidance import Guidance
from autoprox.training._one_training import Training
from autoprox.training._scratch import Scratch
from autoprox.training._teacher import teaching
from autoprox.training.loop import Guide
from autoprox.training.recipe import Recipe

_PROBE = 2
# Number of images in the forward pass from which the guidance reads a student's sizes.


def probe_of(network: nn.Module, training: Training) -> torch.Tensor:
    """A few training images on the device of a network, from which to read its sizes."""
    data = training.data()
    return torch.from_numpy(data.normalised(data.train_images[:_PROBE])).to(next(network.parameters()).device)


@dataclass(frozen=True)
class Distilled(Scratch):
    """Trains a network with locality guidance by `Recipe.distillation`."""

    def guide(self, network: nn.Module, training: Training, recipe: Recipe) -> Guide:
        """Distance to the teacher's feature maps."""
        data = training.data()
        probe, seed = probe_of(network, training), training.seed("projections")
        return Guidance(network, teaching(data, recipe), probe, recipe.distillation, seed)

    def settings(self, recipe: Recipe) -> Mapping[str, Any]:
        """Settings of the recipe, including distillation."""
        return {**super().settings(recipe), "distillation": recipe.as_dict()["distillation"]}

    def prepare(self, data: Dataset, recipe: Recipe) -> None:
        """Trains the teacher of a data set."""
        teaching(data, recipe)

    def facts(self, data: Iterable[Dataset], recipe: Recipe) -> Mapping[str, Any]:
        """Accuracy of the teachers."""
        return {"teachers": {each.name: {"top1_pct": round(teaching(each, recipe).top1_pct, 2)} for each in data}}

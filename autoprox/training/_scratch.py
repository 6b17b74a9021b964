"""Labels of networks that are trained from a fresh initialisation."""

from dataclasses import dataclass

import torch
from torch import nn

from autoprox.training._one_training import Training
from autoprox.training._residuals import zero_residual_branches
from autoprox.training.label_makers import LabelMaker, NoLabelError
from autoprox.training.loop import Guide, fit
from autoprox.training.recipe import Recipe


@dataclass(frozen=True)
class Scratch(LabelMaker):
    """Trains a network on the labels of the images; subclasses may add a term to the loss."""

    def network(self, training: Training, recipe: Recipe, place: torch.device) -> nn.Module:
        """Builds the network and trains it."""
        data = training.data()
        task, seed = (data.num_classes, data.img_size, data.in_chans), training.seed("parameters")
        network = training.space.build(training.arch, *task, seed=seed).to(place)
        if recipe.zero_residuals:
            zero_residual_branches(network)
        failure = fit(network, data, recipe, training.seed("order"), self.guide(network, training, recipe))
        if failure:
            raise NoLabelError(failure)
        return network

    def guide(self, network: nn.Module, training: Training, recipe: Recipe) -> Guide | None:
        """Additional term of the loss; None for none."""
        del network, training, recipe
        return None

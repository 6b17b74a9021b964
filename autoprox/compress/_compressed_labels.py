"""Labels of compressed networks, without training and after a short training."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from autoprox.base.errors import SpecError
from autoprox.datasets import Dataset
from autoprox.training import LabelMaker, NoLabelError, Recipe
from autoprox.training.loop import fit

if TYPE_CHECKING:
    from autoprox.training import Training


@dataclass(frozen=True)
class Compressed(LabelMaker):
    """Tests a compressed network, built by a space around a trained network, without training.

    Labels are random only through the choice of test images: each repetition uses one part of them. The mean over all
    repetitions is the value on all test images, and their agreement shows the reliability of a value.

    Args:
        parts: Number of parts of the test images, one per repetition.
        version: Incremented when a change of the code changes labels.
    """

    parts: int = 2
    version: int = 1

    def network(self, training: "Training", _recipe: Recipe, place: torch.device) -> nn.Module:
        """Builds the network.

        Raises:
            SpecError: If the space is not around a trained network.
        """
        return _built(training, place)

    def tested(self, training: "Training") -> Dataset:
        """The data set with the repetition's part of the test images: every second image for two parts.

        Raises:
            SpecError: If there are more repetitions than parts.
        """
        if training.train_seed >= self.parts:
            raise SpecError(
                f"Labels of kind '{training.label_kind}' have at most {self.parts} repetitions, each on a part of the "
                "test images. Request fewer."
            )
        data = training.data()
        part = slice(training.train_seed, None, self.parts)
        return replace(data, test_images=data.test_images[:][part], test_labels=data.test_labels[part])

    def epochs(self, _recipe: Recipe) -> int:
        """0, since nothing is trained."""
        return 0

    def settings(self, _recipe: Recipe) -> Mapping[str, Any]:
        """The maker's settings only, since nothing is trained."""
        return {"maker": asdict(self)}


@dataclass(frozen=True)
class FineTuned(LabelMaker):
    """Trains all parameters of a compressed network for a short time, and tests it.

    Args:
        passes: Passes over the training images.
        learning_rate: Largest learning rate; other settings come from the recipe.
        version: Incremented when a change of the code changes labels.
    """

    passes: int = 2
    learning_rate: float = 5e-4
    version: int = 1

    def network(self, training: "Training", recipe: Recipe, place: torch.device) -> nn.Module:
        """Builds the network and trains it.

        Raises:
            SpecError: If the space is not around a trained network.
            NoLabelError: If the training diverges.
        """
        network = _built(training, place)
        short = replace(recipe, epochs=self.passes, learning_rate=self.learning_rate)
        if failure := fit(network, training.data(), short, training.seed("order")):
            raise NoLabelError(failure)
        return network

    def epochs(self, _recipe: Recipe) -> int:
        """The maker's number of passes."""
        return self.passes

    def settings(self, recipe: Recipe) -> Mapping[str, Any]:
        """The used settings of the recipe, and the maker's settings."""
        kept = {name: value for name, value in super().settings(recipe).items() if name not in ("epochs",)}
        return {**kept, "learning_rate": self.learning_rate}


def _built(training: "Training", place: torch.device) -> nn.Module:
    if training.space.own_task is None:
        raise SpecError(
            f"Labels of kind '{training.label_kind}' need a space around a trained network, which "
            f"'{training.space.name}' is not. Choose a space such as mq-pit-patches, or another label kind."
        )
    return training.space.build(training.arch).to(place)

"""Labels of compressed networks: as they are, and behind a short training."""

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
    """Tests a network as its space builds it; the space is one around a trained network.

    Nothing is random here but which images there are to test with: each repetition takes a part of them. The mean over
    all repetitions is the value on all test images, and how far they agree says how far a value can be trusted.

    Args:
        parts: Parts of the test images, of which a repetition takes one.
        version: Raised when the code changes labels.
    """

    parts: int = 2
    version: int = 1

    def network(self, training: "Training", _recipe: Recipe, place: torch.device) -> nn.Module:
        """Builds the network.

        Raises:
            SpecError: If the networks of the space are not made of a trained one.
        """
        return _built(training, place)

    def tested(self, training: "Training") -> Dataset:
        """The data set with the part of the test images that the repetition takes: every second one if there are two.

        Raises:
            SpecError: If there are more repetitions than parts.
        """
        if training.train_seed >= self.parts:
            raise SpecError(
                f"Labels of kind '{training.label_kind}' have at most {self.parts} repetitions, each on a part of the "
                "test images. Ask for fewer."
            )
        data = training.data()
        part = slice(training.train_seed, None, self.parts)
        return replace(data, test_images=data.test_images[:][part], test_labels=data.test_labels[part])

    def epochs(self, _recipe: Recipe) -> int:
        """None."""
        return 0

    def settings(self, _recipe: Recipe) -> Mapping[str, Any]:
        """Its own: nothing is trained."""
        return {"maker": asdict(self)}


@dataclass(frozen=True)
class FineTuned(LabelMaker):
    """Trains a network that its space builds of a trained one, on all parameters, and tests it.

    Args:
        passes: Passes over the training images.
        learning_rate: Largest learning rate; the rest is as the recipe says.
        version: Raised when the code changes labels.
    """

    passes: int = 2
    learning_rate: float = 5e-4
    version: int = 1

    def network(self, training: "Training", recipe: Recipe, place: torch.device) -> nn.Module:
        """Builds the network and trains it.

        Raises:
            SpecError: If the networks of the space are not made of a trained one.
            NoLabelError: If the training diverges.
        """
        network = _built(training, place)
        short = replace(recipe, epochs=self.passes, learning_rate=self.learning_rate)
        if failure := fit(network, training.data(), short, training.seed("order")):
            raise NoLabelError(failure)
        return network

    def epochs(self, _recipe: Recipe) -> int:
        """Its own."""
        return self.passes

    def settings(self, recipe: Recipe) -> Mapping[str, Any]:
        """Settings of the recipe that count, and its own."""
        kept = {name: value for name, value in super().settings(recipe).items() if name not in ("epochs",)}
        return {**kept, "learning_rate": self.learning_rate}


def _built(training: "Training", place: torch.device) -> nn.Module:
    if training.space.own_task is None:
        raise SpecError(
            f"Labels of kind '{training.label_kind}' are of networks that are made of a trained one; those of "
            f"'{training.space.name}' are not. Take a space such as mq-pit-patches, or another kind."
        )
    return training.space.build(training.arch).to(place)

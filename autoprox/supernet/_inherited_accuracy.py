"""Inherited accuracy: as a scorer for searches, and as labels of the kind `supernet`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from autoprox.base.digest import digest
from autoprox.base.errors import AutoproxError, CollectionError
from autoprox.bench import LabelKind
from autoprox.bench.labels import SUPERNET as SUPERNET_LABELS
from autoprox.datasets import Dataset
from autoprox.scorers import ArchScorer
from autoprox.spaces import Arch, Space
from autoprox.supernet._held_out_images import CALIBRATED, HeldOutImages
from autoprox.supernet._recalibration import recalibrate
from autoprox.supernet._trained_supernet import Inherited
from autoprox.supernet._trainer import held_out
from autoprox.training import LabelMaker, Recipe, Training


@dataclass(frozen=True, eq=False)
class InheritedAccuracy(ArchScorer):
    """Accuracy of the subnets of a trained supernet on held-out training images, in percent.

    Args:
        name: Name for reports.
        weights: The trained supernet.
    """

    name: str
    weights: Inherited
    sign = 1

    @property
    def source(self) -> str:  # type: ignore[override]
        """Space and data set of the supernet."""
        return f"Inherited from a supernet of '{self.weights.document['space']}', trained on '{self._dataset}'."

    @property
    def identity(self) -> str:
        """Digest of parameters and images."""
        return digest(["inherited accuracy", self.weights.digest, self.weights.document["dataset_digest"]])

    def score_arch(self, space: Space, arch: Arch) -> float:
        """Tests the subnet of an architecture.

        Raises:
            CollectionError: If the supernet has another space, or its images cannot be read.
        """
        try:
            return self._held_out.accuracy(self.weights.supernet(space).extract(arch))
        except AutoproxError as error:
            raise CollectionError(f"'{self.name}': {error}") from error

    @property
    def _dataset(self) -> str:
        return str(self.weights.document["dataset"])

    @cached_property
    def _held_out(self) -> HeldOutImages:
        return HeldOutImages(self.weights.images())


@dataclass(frozen=True)
class InheritedLabels(LabelMaker):
    """Makes labels of the kind `supernet`: accuracy on test images with inherited parameters."""

    folder: Path
    version: int = 1

    def network(self, training: Training, recipe: Recipe, place: torch.device) -> nn.Module:
        """The subnet of an architecture, with recalibrated batch normalisations."""
        del recipe
        data = training.data()
        network = self._weights.supernet(training.space).extract(training.arch)
        kept, _ = held_out(len(data.train_labels))
        images = torch.from_numpy(data.normalised(data.train_images[kept[:CALIBRATED]]))
        return recalibrate(network, images).to(place)

    def settings(self, recipe: Recipe) -> Mapping[str, Any]:
        """The digest of the parameters, which does not depend on the folder's path."""
        del recipe
        return {"maker": {"weights": self._weights.digest, "version": self.version}}

    def facts(self, data: Iterable[Dataset], recipe: Recipe) -> Mapping[str, Any]:
        """Record of the supernet's training."""
        del data, recipe
        return {"supernet": dict(self._weights.document)}

    @property
    def _weights(self) -> Inherited:
        return Inherited(self.folder)


def inherited_labels(folder: Path) -> LabelKind:
    """The label kind `supernet`, made by the supernet in a folder."""
    known = SUPERNET_LABELS
    return LabelKind(known.name, known.description, trained=False, maker=InheritedLabels(folder), seeds=1)

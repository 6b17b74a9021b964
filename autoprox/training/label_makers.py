"""Makers of labels: for each label kind, where the network comes from that is tested."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from autoprox.base.digest import digest
from autoprox.base.errors import AutoproxError, SpecError
from autoprox.base.references import resolved
from autoprox.bench.labels import LABEL_KINDS, LabelKind
from autoprox.datasets import Dataset
from autoprox.training._one_training import Training
from autoprox.training.recipe import Recipe


class NoLabelError(AutoproxError, ArithmeticError):
    """A training has no label; the message says why, and stands in the table's manifest."""


@dataclass(frozen=True)
class LabelMaker(ABC):
    """Makes the networks whose test gives the labels of one kind.

    A maker is a frozen dataclass of its own settings, which are part of the identity of its labels. Give it a field
    `version` and raise that when its code changes in a way that changes labels.
    """

    @abstractmethod
    def network(self, training: Training, recipe: Recipe, place: torch.device) -> nn.Module:
        """Makes the network that is tested; its values depend on the arguments alone.

        Args:
            training: Architecture, data set and repetition; `training.seed(purpose)` seeds each draw.
            recipe: How networks are trained.
            place: The device that the network is on afterwards.

        Raises:
            NoLabelError: If there is no label, as where the training diverges.
        """

    def tested(self, training: Training) -> Dataset:
        """The data set on whose test images the network is tested; a part of them where repetitions are tests."""
        return training.data()

    def epochs(self, recipe: Recipe) -> int:
        """Passes over the training images for each label."""
        return recipe.epochs

    def settings(self, recipe: Recipe) -> Mapping[str, Any]:
        """All values that the labels depend on: those of the recipe but for distillation, and its own."""
        own = {"maker": asdict(self)} if asdict(self) else {}
        return {**recipe.as_dict(), "distillation": None, **own}

    def definition(self, recipe: Recipe) -> str:
        """Digest of the settings.

        Example:
            >>> from autoprox.bench.labels import KD, SCRATCH
            >>> from autoprox.training.recipe import Distillation
            >>> other = Recipe(distillation=Distillation(guidance_weight=1.0))
            >>> [maker_of(kind).definition(Recipe()) == maker_of(kind).definition(other) for kind in (SCRATCH, KD)]
            [True, False]
        """
        return digest(self.settings(recipe))

    def prepare(self, data: Dataset, recipe: Recipe) -> None:
        """Makes what all trainings on a data set share, once, before processes would each make it."""
        del data, recipe

    def facts(self, data: Iterable[Dataset], recipe: Recipe) -> Mapping[str, Any]:
        """Remarks on these labels for a manifest, under names of its own."""
        del data, recipe
        return {}


def maker_of(kind: LabelKind) -> LabelMaker:
    """Maker of the labels of a kind.

    Raises:
        SpecError: If nothing does here, or what is named is no `LabelMaker`.
    """
    if kind.maker is None:
        raise SpecError(f"Labels of kind '{kind}' cannot be made here; possible: {', '.join(made_kinds())}.")
    found = resolved(kind.maker)
    maker = found() if isinstance(found, type) else found
    if not isinstance(maker, LabelMaker):
        raise SpecError(
            f"What makes the labels of kind '{kind}' is a {type(maker).__name__}; give an autoprox.training.LabelMaker."
        )
    return maker


def made_kinds() -> list[str]:
    """Names of the label kinds that can be made here.

    Example:
        >>> made_kinds()[:2]
        ['scratch', 'kd']
    """
    return [name for name, kind in LABEL_KINDS.items() if kind.maker is not None]

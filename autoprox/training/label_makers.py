"""Makers of labels: for each label kind, the source of the network to test."""

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
    """A training has no label; the message gives the reason, which the table's manifest records."""


@dataclass(frozen=True)
class LabelMaker(ABC):
    """Makes the networks to test for the labels of one kind.

    A maker is a frozen dataclass of its settings, which are part of the identity of its labels. Give it a field
    `version`, and increment it when a change of the code changes labels.
    """

    @abstractmethod
    def network(self, training: Training, recipe: Recipe, place: torch.device) -> nn.Module:
        """Makes the network to test; its parameters depend on the arguments only.

        Args:
            training: Architecture, data set and repetition; `training.seed(purpose)` seeds each draw.
            recipe: Recipe of the trainings.
            place: Device of the returned network.

        Raises:
            NoLabelError: If there is no label, for example because the training diverges.
        """

    def tested(self, training: Training) -> Dataset:
        """The data set with the test images; with a part of them if repetitions differ only in the test."""
        return training.data()

    def epochs(self, recipe: Recipe) -> int:
        """Number of passes over the training images per label."""
        return recipe.epochs

    def settings(self, recipe: Recipe) -> Mapping[str, Any]:
        """All values that determine the labels: the recipe without distillation, and the maker's settings."""
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
        """Prepares data that all trainings on a data set share, before processes start."""
        del data, recipe

    def facts(self, data: Iterable[Dataset], recipe: Recipe) -> Mapping[str, Any]:
        """Remarks on these labels for the manifest, by name."""
        del data, recipe
        return {}


def maker_of(kind: LabelKind) -> LabelMaker:
    """Maker of the labels of a kind.

    Raises:
        SpecError: If the kind has no maker, or its maker is not a `LabelMaker`.
    """
    if kind.maker is None:
        raise SpecError(f"Labels of kind '{kind}' can only be imported. Kinds with a maker: {', '.join(made_kinds())}.")
    found = resolved(kind.maker)
    maker = found() if isinstance(found, type) else found
    if not isinstance(maker, LabelMaker):
        raise SpecError(
            f"The maker of label kind '{kind}' is a {type(maker).__name__}; give an autoprox.training.LabelMaker."
        )
    return maker


def made_kinds() -> list[str]:
    """Names of the label kinds with a maker.

    Example:
        >>> made_kinds()[:2]
        ['scratch', 'kd']
    """
    return [name for name, kind in LABEL_KINDS.items() if kind.maker is not None]

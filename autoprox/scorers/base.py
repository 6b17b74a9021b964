"""Base classes of scorers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from copy import copy
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.errors import CollectionError
from autoprox.base.html import code, panel
from autoprox.base.outcomes import Outcome, values_of
from autoprox.networks import Teacher
from autoprox.scorers._interface import Scorer
from autoprox.scorers._one_model import measured
from autoprox.statistics import BatchLoss, Requirements


class AbstractScorer(ABC):
    """A `Scorer` with itself as its only part; subclasses define the attributes, `identity` and `score`."""

    name: str
    sign: int
    source: str
    needs: Requirements
    provenance: Mapping[str, Any] = MappingProxyType({})

    @property
    @abstractmethod
    def identity(self) -> str | None:
        """Digest of its content without its name; None if the content cannot be determined."""

    @abstractmethod
    def score(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores one live model."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def _repr_html_(self) -> str:
        facts = {"needs": str(self.needs), "source": self.source}
        return panel(f"{self.name} ({type(self).__name__})", facts, code(self.description))

    def __call__(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores one live model; the same as `score`."""
        return self.score(model, images, labels, loss=loss)

    @property
    def description(self) -> str:
        """Definition of the score; by default the source."""
        return self.source

    @property
    def parts(self) -> tuple[Scorer, ...]:
        """Parts that measure networks one by one."""
        return (self,)

    def join(self, values: Floats) -> Floats:
        """Scores of a set, `(A,)`, from the values of the parts, `(P, A)`."""
        return np.asarray(values[0])

    def renamed(self, name: str) -> Self:
        """The same scorer under another name."""
        other = copy(self)
        object.__setattr__(other, "name", name)  # some are frozen
        return other

    def taught_by(self, teacher: Teacher | nn.Module) -> Self:
        """The same scorer with a teacher; itself, since it does not compare with one."""
        del teacher
        return self

    def score_many(
        self, models: Iterable[nn.Module], images: Any, labels: Any = None, *, loss: BatchLoss | None = None
    ) -> Floats:
        """Scores a set of live models; see `Scorer`.

        Raises:
            CollectionError: If it cannot be computed on any of the models with this batch.

        Warns:
            UnscoredWarning: If it cannot be computed on some of the models, which are NaN; gives the reason.
        """
        rows = [measured(self.parts, model, images, labels, loss) for model in models]
        scores = self.join(np.array([[each.value for each in row] for row in rows]).reshape(-1, len(self.parts)).T)
        reasons = [next((each.reason for each in row if each.reason), "") for row in rows]
        return values_of(self.name, map(Outcome, scores.tolist(), reasons))


class ArchScorer(AbstractScorer):
    """A scorer of architectures, which needs genes but no network; subclasses implement `score_arch`."""

    needs = Requirements()

    def score(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Refuses live models, which have no genes.

        Raises:
            CollectionError: Always.
        """
        del model, images, labels, loss
        raise CollectionError(
            f"'{self.name}' scores architectures, but a live model has no genes: use score_arch(space, arch)."
        )

"""Proxies that are no graphs: a function of a live model, behind the interface that graphs have."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from autoprox.base.digest import digest
from autoprox.base.errors import CollectionError, UndefinedScoreError
from autoprox.base.identity import function_digest
from autoprox.inspect.finding import FAILURES
from autoprox.scorers._subject import Subject, prepared
from autoprox.scorers.base import AbstractScorer
from autoprox.statistics import BatchLoss, Requirements


@dataclass(frozen=True, repr=False)
class FunctionProxy(AbstractScorer):
    """A proxy that is computed by a function; a higher score means a better network.

    Args:
        name: What reports call it.
        function: From a prepared model and batch to the measure.
        sign: 1, or -1 where less of the measure is better.
        source: Where the method comes from.
        needs: What it has to be given, and what it runs.
        version: Raised whenever its values change though the function does not, because what it calls in autoprox does.

    Example:
        >>> import autoprox
        >>> micro = autoprox.space("autoformer-micro")
        >>> arch = micro.sample(np.random.default_rng(0))
        >>> model = micro.build(arch, num_classes=10, img_size=8, in_chans=1, seed=0)
        >>> wide = FunctionProxy("wide", lambda subject: subject.model.pos_embed.shape[-1], 1, "Here.", Requirements())
        >>> wide.score(model, np.zeros((1, 1, 8, 8), np.float32), [0]) == model.pos_embed.shape[-1]
        True
    """

    name: str
    function: Callable[[Subject], float]
    sign: int
    source: str
    needs: Requirements
    version: int = 1

    def score(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores one live model; see `autoprox.graph.Scorer`.

        Raises:
            CollectionError: If it cannot be computed on this model with this batch.
            UndefinedScoreError: If it has no finite value on this model.
        """
        with prepared(model, images, labels, loss) as subject:
            return self.score_subject(subject)

    @property
    def identity(self) -> str | None:
        """Digest of what the function computes; None where that cannot be told."""
        content = function_digest(self.function)
        return None if content is None else digest(["function", content, self.sign, self.version])

    @property
    def description(self) -> str:
        """How it is computed: the docstring of the function."""
        return inspect.getdoc(self.function) or "Not described."

    def score_subject(self, subject: Subject) -> float:
        """Scores a model that is prepared already, beside other proxies.

        Raises:
            CollectionError: If it cannot be computed on this model with this batch.
            UndefinedScoreError: If it has no finite value on this model.
        """
        needed, given = self.needs, len(subject.images)
        if given < needed.images:
            raise CollectionError(f"The proxy '{self.name}' needs at least {needed.images} images; {given} given.")
        if needed.labels and subject.labels is None:
            raise CollectionError(f"The proxy '{self.name}' needs labels; give one class index for each image.")
        try:
            value = float(self.sign * self.function(subject))
        except UndefinedScoreError as error:
            raise UndefinedScoreError(f"The proxy '{self.name}' is undefined on this model: {error}") from error
        except CollectionError as error:
            raise CollectionError(f"The proxy '{self.name}': {error}") from error
        except ArithmeticError as error:
            raise UndefinedScoreError(f"The proxy '{self.name}' has no finite value on this model: {error}.") from error
        except FAILURES as error:
            raise CollectionError(
                f"The proxy '{self.name}' failed on the {type(subject.model).__name__} and images of shape"
                f" {tuple(subject.images.shape)}: {error}"
            ) from error
        if not np.isfinite(value):
            raise UndefinedScoreError(
                f"The proxy '{self.name}' has no finite value on this model (it gives {value});"
                " rank it last or choose another proxy."
            )
        return value

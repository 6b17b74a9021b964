"""Proxies that are not graphs: functions of a live model, with the interface of scorers."""

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
        name: Name for reports.
        function: From a prepared model and batch to the measure.
        sign: 1, or -1 if a smaller measure is better.
        source: Reference of the method.
        needs: Inputs that it needs, and passes that it runs.
        version: Incremented when its values change only because of changes in functions that it calls.

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
        """Scores one live model; see `Scorer`.

        Raises:
            CollectionError: If it cannot be computed on this model with this batch.
            UndefinedScoreError: If it has no finite value on this model.
        """
        with prepared(model, images, labels, loss) as subject:
            return self.score_subject(subject)

    @property
    def identity(self) -> str | None:
        """Digest of the function's content; None if it cannot be determined."""
        content = function_digest(self.function)
        return None if content is None else digest(["function", content, self.sign, self.version])

    @property
    def description(self) -> str:
        """Definition of the proxy: the docstring of the function."""
        return inspect.getdoc(self.function) or "Not described."

    def score_subject(self, subject: Subject) -> float:
        """Scores a prepared model, which other proxies may share.

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
                f"The proxy '{self.name}' has no finite value on this model (it returned {value});"
                " rank the model last, or choose another proxy."
            )
        return value

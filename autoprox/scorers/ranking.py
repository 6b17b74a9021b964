"""Proxies that rank over a set of networks: several measures, joined by their ranks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats
from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.errors import UndefinedScoreError
from autoprox.graph.scorer import Loss, Requirements
from autoprox.scorers.function import FunctionProxy, Subject, prepared


@dataclass(frozen=True)
class RankedProxy:
    """Several proxies, joined by the logarithms of their ranks within a set of networks.

    The score of a network in a set of `n` is the sum over its parts of ln(rank / n), the best network having rank `n`
    and ties the mean of their ranks. A network that is bad by one part is bad, which a sum of ranks would let pass.

    A single network has no rank. Its score alone is the sum over the parts of sign(x) ln(1 + |x|), which rises with
    every part and tames their different scales; it is ours, and ranks otherwise than the set does.

    Args:
        name: What reports call it.
        parts: The proxies that are joined.
        source: Where the method comes from.
    """

    name: str
    parts: tuple[FunctionProxy, ...]
    source: str

    @property
    def sign(self) -> int:
        """More is better: the parts bear their own signs."""
        return 1

    @property
    def requirements(self) -> Requirements:
        """What its parts need, together."""
        return Requirements.together(each.requirements for each in self.parts)

    def score(self, model: nn.Module, images: Any, labels: Any, *, loss: Loss | None = None) -> float:
        """Scores one live model alone; see the class for what that means.

        Raises:
            CollectionError: If a part cannot be computed on this model with this batch.
            UndefinedScoreError: If a part has no finite value on this model.
        """
        with prepared(model, images, labels, loss) as subject:
            return self.score_subject(subject)

    def score_subject(self, subject: Subject) -> float:
        """Scores a model that is prepared already, beside other proxies; raises as `score` does."""
        values = np.array([part.score_subject(subject) for part in self.parts])
        return float((np.sign(values) * np.log1p(np.abs(values))).sum())

    def score_many(self, models: Iterable[nn.Module], images: Any, labels: Any, *, loss: Loss | None = None) -> Floats:
        """Scores a set of live models, whose ranks are those within the set: shape `(A,)`.

        NaN where a part has no finite value; such a network takes no rank from the others.

        Raises:
            CollectionError: If a part cannot be computed on one of the models with this batch.
        """
        rows = []
        for model in models:
            with prepared(model, images, labels, loss) as subject:
                rows.append([_value(part, subject) for part in self.parts])
        return self.joined(np.array(rows, dtype=np.float64).reshape(-1, len(self.parts)).T)

    def joined(self, parts: npt.ArrayLike) -> Floats:
        """The scores of a set from the scores of its parts, `(parts, A)` -> `(A,)`.

        Example:
            >>> import autoprox
            >>> autoprox.load("az_nas").joined([[1, 2, 4], [1, 2, 4], [5, 5, 9], [0, 1, 2]]).round(2).tolist()
            [-3.99, -1.91, 0.0]
        """
        values = np.asarray(parts, dtype=np.float64)
        scores = np.full(values.shape[1], np.nan)
        valid = np.isfinite(values).all(axis=0)
        if valid.any():
            scores[valid] = np.log(stats.rankdata(values[:, valid], axis=1) / valid.sum()).sum(axis=0)
        return scores


def _value(part: FunctionProxy, subject: Subject) -> float:
    try:
        return part.score_subject(subject)
    except UndefinedScoreError:
        return float("nan")

"""Proxies that rank over a set of networks: several measures, joined by their ranks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats
from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import digest
from autoprox.scorers._interface import Scorer
from autoprox.scorers._one_model import alone
from autoprox.scorers._subject import Subject, prepared
from autoprox.scorers.base import AbstractScorer
from autoprox.statistics import BatchLoss, Requirements


@dataclass(frozen=True, repr=False)
class RankedProxy(AbstractScorer):
    """Several proxies, joined by the logarithms of their ranks within a set of networks.

    The score of a network in a set of `n` is the sum over its parts of ln(rank / n), the best network having rank `n`
    and ties the mean of their ranks. A network that is bad by one part is bad, which a sum of ranks would let pass.

    A single network has no rank. Its score alone is the sum over the parts of sign(x) ln(1 + |x|), which rises with
    every part and tames their different scales; it is ours, and ranks otherwise than the set does.

    Args:
        name: What reports call it.
        members: The proxies that are joined.
        source: Where the method comes from.
    """

    name: str
    members: tuple[Scorer, ...]
    source: str
    sign = 1

    @property
    def parts(self) -> tuple[Scorer, ...]:
        """The proxies that are joined."""
        return self.members

    @property
    def identity(self) -> str | None:
        """Digest of its parts'; None where one has none."""
        each = [part.identity for part in self.members]
        return None if None in each else digest(["log ranks", each])

    @property
    def needs(self) -> Requirements:  # type: ignore[override]
        """Requirements of its parts, together."""
        return Requirements.together(each.needs for each in self.members)

    def score(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores one live model alone; see the class for what that means.

        Raises:
            CollectionError: If a part cannot be computed on this model with this batch.
            UndefinedScoreError: If a part has no finite value on this model.
        """
        with prepared(model, images, labels, loss) as subject:
            return self.score_subject(subject)

    def score_subject(self, subject: Subject) -> float:
        """Scores a model that is prepared already, beside other proxies; raises as `score` does."""
        values = np.array([alone(part, subject) for part in self.members])
        return float((np.sign(values) * np.log1p(np.abs(values))).sum())

    def join(self, values: npt.ArrayLike) -> Floats:
        """The scores of a set from the scores of its parts, `(parts, A)` -> `(A,)`.

        NaN where a part has no finite value; such a network takes no rank from the others.

        Example:
            >>> import autoprox
            >>> autoprox.load("az_nas").join([[1, 2, 4], [1, 2, 4], [5, 5, 9], [0, 1, 2]]).round(2).tolist()
            [-3.99, -1.91, 0.0]
        """
        parts = np.asarray(values, dtype=np.float64)
        scores = np.full(parts.shape[1], np.nan)
        valid = np.isfinite(parts).all(axis=0)
        if valid.any():
            scores[valid] = np.log(stats.rankdata(parts[:, valid], axis=1) / valid.sum()).sum(axis=0)
        return scores

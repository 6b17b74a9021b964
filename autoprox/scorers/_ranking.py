"""Proxies that rank within a set of networks: several measures, joined by their ranks."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import stats
from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import digest
from autoprox.networks import Teacher
from autoprox.scorers._interface import Scorer
from autoprox.scorers._one_model import alone
from autoprox.scorers._subject import Subject, prepared
from autoprox.scorers.base import AbstractScorer
from autoprox.statistics import BatchLoss, Requirements


@dataclass(frozen=True, repr=False)
class RankedProxy(AbstractScorer):
    """Several proxies, joined by the logarithms of their ranks within a set of networks.

    The score of a network in a set of `n` is the sum over parts of ln(rank / n). The best network has rank `n`, and
    ties have the mean of their ranks. Unlike a sum of ranks, one bad rank makes a bad score.

    A single network has no rank. Its score is the sum over parts of sign(x) ln(1 + |x|), which increases with every
    part and compresses their different scales. This form is ours, and its ranking differs from the ranking in a set.

    Args:
        name: Name for reports.
        members: The proxies to join.
        source: Reference of the method.
    """

    name: str
    members: tuple[Scorer, ...]
    source: str
    sign = 1

    @property
    def parts(self) -> tuple[Scorer, ...]:
        """The joined proxies."""
        return self.members

    @property
    def identity(self) -> str | None:
        """Digest of its parts' identities; None if a part has no identity."""
        each = [part.identity for part in self.members]
        return None if None in each else digest(["log ranks", each])

    @property
    def needs(self) -> Requirements:  # type: ignore[override]
        """Joint requirements of its parts."""
        return Requirements.together(each.needs for each in self.members)

    def taught_by(self, teacher: Teacher | nn.Module) -> Self:
        """The same proxy with a teacher for the members that compare with one."""
        known = Teacher.of(teacher)
        return replace(self, members=tuple(each.taught_by(known) for each in self.members))

    def score(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores a single live model in the form without ranks; see the class.

        Raises:
            CollectionError: If a part cannot be computed on this model with this batch.
            UndefinedScoreError: If a part has no finite value on this model.
        """
        with prepared(model, images, labels, loss) as subject:
            return self.score_subject(subject)

    def score_subject(self, subject: Subject) -> float:
        """Scores a prepared model, which other proxies may share; raises as `score` does."""
        values = np.array([alone(part, subject) for part in self.members])
        return float((np.sign(values) * np.log1p(np.abs(values))).sum())

    def join(self, values: npt.ArrayLike) -> Floats:
        """Scores of a set from the scores of its parts, `(parts, A)` -> `(A,)`.

        A network without a finite value of every part has NaN, and does not count in the ranks of the others.

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

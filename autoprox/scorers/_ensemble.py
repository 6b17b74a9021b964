"""Ensembles of scorers: the mean of their ranks."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from scipy import stats
from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import array_digest, digest
from autoprox.base.errors import CollectionError, SpecError, UndefinedScoreError
from autoprox.metrics import mean_ranks
from autoprox.networks import Teacher
from autoprox.scorers._interface import Scorer
from autoprox.scorers._one_model import measured
from autoprox.scorers._own import as_scorer
from autoprox.scorers.base import AbstractScorer
from autoprox.statistics import BatchLoss, Requirements

HALL_MEMBERS = 8
"""Number of hall-of-fame members in its ensemble: the fittest on fit, independent of the select split."""


class Ensemble(AbstractScorer):
    """Ranks networks by the mean of their ranks by each member; a higher score means a better network.

    Ranks are defined within a set, so that an ensemble scores sets (`score_many`). To score single models, calibrate it
    on a set first.

    Args:
        members: At least one scorer, or anything that `as_scorer` accepts.
        name: Name for reports.

    Raises:
        SpecError: If there is no member.

    Example:
        >>> import autoprox
        >>> pair = Ensemble([autoprox.load("snip"), autoprox.load("l2_norm")])
        >>> pair.name, str(pair.needs)
        ('ensemble(snip, l2_norm)', 'forward, backward; labels')
    """

    sign = 1

    def __init__(self, members: Sequence[Any], name: str | None = None) -> None:
        if not members:
            raise SpecError("An ensemble needs at least one member; give proxies, for example autoprox.load('snip').")
        self.members = tuple(as_scorer(each) for each in members)
        self.name = name or f"ensemble({', '.join(each.name for each in self.members)})"
        self.source = f"Mean rank of {', '.join(each.name for each in self.members)}."
        self.needs = Requirements.together(each.needs for each in self.members)

    @property
    def identity(self) -> str | None:
        """Digest of its members' identities; None if a member has no identity."""
        each = [member.identity for member in self.members]
        return None if None in each else digest(["mean rank", each])

    @property
    def parts(self) -> tuple[Scorer, ...]:
        """Parts of all members, in the order of members."""
        return tuple(part for member in self.members for part in member.parts)

    def taught_by(self, teacher: Teacher | nn.Module) -> "Ensemble":
        """The same ensemble with a teacher for the members that compare with one."""
        known = Teacher.of(teacher)
        return Ensemble([each.taught_by(known) for each in self.members], self.name)

    def join(self, values: Floats) -> Floats:
        """Mean ranks of a set, `(A,)`, in (0, 1], from the values of the parts, `(P, A)`; NaN without a finite value.

        A network needs a finite value from every member.
        """
        bounds = [0, *accumulate(len(member.parts) for member in self.members)]
        rows = zip(self.members, pairwise(bounds), strict=True)
        return mean_ranks([member.join(values[start:end]) for member, (start, end) in rows])

    def calibrated(
        self, models: Iterable[nn.Module], images: Any, labels: Any = None, *, loss: BatchLoss | None = None
    ) -> "CalibratedEnsemble":
        """The same ensemble, calibrated to score single models by their place among the given ones.

        Args:
            models: Untrained networks to compare with, such as some hundred samples of the searched space; an iterator
                is consumed lazily.
            images: Batch; score later models on the same one.
            labels: Class indices.
            loss: As for a proxy.

        Raises:
            SpecError: If a member has no finite value on any of the models.
        """
        # Members score each model alone, as they will score a single model later.
        rows = [measured(self.members, model, images, labels, loss) for model in models]
        for member, outcomes in zip(self.members, zip(*rows, strict=True), strict=bool(rows)):
            if not any(np.isfinite(each.value) for each in outcomes):
                reason = next((f": {each.reason}" for each in outcomes if each.reason), ".")
                raise SpecError(f"'{member.name}' has no finite value on any of the {len(rows)} models given{reason}")
        return CalibratedEnsemble(self, np.array([[each.value for each in row] for row in rows]).T)

    def score(self, *_model_and_batch: Any, loss: BatchLoss | None = None) -> float:
        """Refuses single models, which have no rank.

        Raises:
            SpecError: Always.
        """
        del loss
        raise SpecError(
            f"'{self.name}' ranks sets of models, but a single model has no rank: use score_many(models, ...), or"
            " calibrated(models, ...) first."
        )


class CalibratedEnsemble(AbstractScorer):
    """An ensemble that scores single models: the mean over members of the share of a set that scores lower.

    Returned by `Ensemble.calibrated`.

    Args:
        ensemble: The ensemble.
        calibration: Scores of its members on the set, `(members, A)`.
    """

    sign = 1

    def __init__(self, ensemble: Ensemble, calibration: Floats) -> None:
        self.members = ensemble.members
        self.name = ensemble.name
        self.source = f"{ensemble.source} Compared with {calibration.shape[1]} models."
        self.needs = ensemble.needs
        self._of_ensemble = ensemble.identity
        self._calibration = calibration

    @property
    def identity(self) -> str | None:
        """Digest of its members' identities and of the set's scores; None if a member has no identity."""
        if self._of_ensemble is None:
            return None
        return digest(["calibrated", self._of_ensemble, array_digest(self._calibration)])

    def score(self, model: nn.Module, images: Any, labels: Any = None, *, loss: BatchLoss | None = None) -> float:
        """Scores one model against the calibration set: ties count half.

        Raises:
            CollectionError: If a member cannot be computed on the model.
            UndefinedScoreError: If a member has no finite value on it.
        """
        shares = []
        found = measured(self.members, model, images, labels, loss)
        for member, outcome, row in zip(self.members, found, self._calibration, strict=True):
            if outcome.reason:
                raise CollectionError(outcome.reason)
            if not np.isfinite(outcome.value):
                raise UndefinedScoreError(
                    f"The member '{member.name}' of '{self.name}' has no finite value on this model."
                )
            shares.append(stats.percentileofscore(row[np.isfinite(row)], outcome.value, kind="mean") / 100)
        return float(np.mean(shares))

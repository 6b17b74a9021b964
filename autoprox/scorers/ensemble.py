"""Several scorers as one: the mean of their ranks."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy import stats
from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.errors import SpecError, UndefinedScoreError
from autoprox.graph.scorer import Loss, Requirements, Scorer, score_each
from autoprox.metrics import mean_ranks
from autoprox.networks.network import Network, alike

HALL_MEMBERS = 8
"""Members of a hall of fame that make its ensemble: the fittest on fit, so that the select split has no say in it."""


class Ensemble:
    """Ranks networks by the mean of the ranks that its members give them; a higher score means a better network.

    A rank is one among others, so that an ensemble scores sets (`score_many`). For single models it is calibrated on a
    set first: a model's score is then the mean, over the members, of the share of the calibration set that it beats.

    Args:
        members: At least one scorer.
        name: What reports call it.

    Raises:
        SpecError: If there is no member.

    Example:
        >>> import autoprox
        >>> pair = Ensemble([autoprox.load("snip"), autoprox.load("l2_norm")])
        >>> pair.name, str(pair.requirements)
        ('ensemble(snip, l2_norm)', 'forward, backward; labels')
    """

    def __init__(self, members: Sequence[Scorer], name: str | None = None) -> None:
        if not members:
            raise SpecError("An ensemble needs at least one member; give proxies, for example autoprox.load('snip').")
        self.members = tuple(members)
        self._name = name or f"ensemble({', '.join(each.name for each in members)})"
        self._calibration: Floats | None = None

    @property
    def name(self) -> str:
        """What reports call it."""
        return self._name

    @property
    def sign(self) -> int:
        """More is better: the members bear their own signs."""
        return 1

    @property
    def source(self) -> str:
        """Where it comes from."""
        return f"Mean rank of {', '.join(each.name for each in self.members)}."

    @property
    def scores_sets_only(self) -> bool:
        """Whether it is not calibrated, so that one model alone has no score."""
        return self._calibration is None

    @property
    def requirements(self) -> Requirements:
        """What its members need, together."""
        return Requirements.together(each.requirements for each in self.members)

    def score_many(self, models: Iterable[nn.Module], images: Any, labels: Any, *, loss: Loss | None = None) -> Floats:
        """Scores a set of models by their mean ranks in it.

        Args:
            models: `A` untrained networks, which are held in memory together.
            images: Batch, shape `(B, C, H, W)`.
            labels: Class indices, shape `(B,)`.
            loss: As for a proxy.

        Returns:
            Shape `(A,)`, in (0, 1]; NaN where a member has no finite value.

        Raises:
            CollectionError: If a member cannot be computed on a model.
        """
        held = list(models)
        return mean_ranks([each.score_many(held, images, labels, loss=loss) for each in self.members])

    def calibrated(
        self, models: Iterable[nn.Module], images: Any, labels: Any, *, loss: Loss | None = None
    ) -> "Ensemble":
        """The same ensemble, which scores single models by where they would stand among these.

        Args:
            models: Untrained networks to compare with, such as some hundred samples of the space that is searched.
            images: Batch; models that are scored later need the same one.
            labels: Class indices.
            loss: As for a proxy.

        Raises:
            CollectionError: If a member cannot be computed on a model.
            SpecError: If some member has no finite value on any of the models.
        """
        held = list(models)
        # Member by member and model by model: what a single model is compared with later was scored as it will be.
        scores = np.stack([score_each(each, held, images, labels, loss) for each in self.members])
        for member, row in zip(self.members, scores, strict=True):
            if not np.isfinite(row).any():
                raise SpecError(f"'{member.name}' has no finite value on any of the {len(held)} models given.")
        ensemble = Ensemble(self.members, self.name)
        ensemble._calibration = scores
        return ensemble

    def score(self, model: nn.Module, images: Any, labels: Any, *, loss: Loss | None = None) -> float:
        """Scores one model against the calibration set: ties count half.

        Raises:
            SpecError: If the ensemble is not calibrated: one model alone has no rank.
            CollectionError: If a member cannot be computed on the model.
            UndefinedScoreError: If a member has no finite value on it.
        """
        if self._calibration is None:
            raise SpecError(
                f"'{self.name}' ranks sets of models, and one model alone has no rank: use score_many(models, ...),"
                " or calibrated(models, ...) first."
            )
        shares = []
        for member, row in zip(self.members, self._calibration, strict=True):
            (value,) = score_each(member, [model], images, labels, loss)
            if not np.isfinite(value):
                raise UndefinedScoreError(f"The member '{member.name}' of '{self.name}' has no finite value here.")
            shares.append(stats.percentileofscore(row[np.isfinite(row)], value, kind="mean") / 100)
        return float(np.mean(shares))


def joined_ranks(scores: Floats, networks: Sequence[Network]) -> Floats:
    """What an ensemble scores on networks of several spaces and tasks: mean ranks among those that are `alike`.

    Args:
        scores: What its members score, `(P, A)`; higher is better.
        networks: `A` networks.

    Returns:
        `(A,)`; NaN where a member has no finite value.
    """
    joined = np.empty(len(networks))
    for group in alike(networks):
        joined[group] = mean_ranks(scores[:, group])
    return joined

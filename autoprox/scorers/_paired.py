"""Proxies that compare a student with a teacher on one batch."""

from abc import abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from scipy.stats import rankdata
from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import array_digest, derived_seed, digest
from autoprox.base.errors import CollectionError, SpecError, UndefinedScoreError
from autoprox.base.identity import function_digest
from autoprox.networks import Teacher
from autoprox.scorers._function import FunctionProxy
from autoprox.scorers._subject import Subject, prepared
from autoprox.scorers.base import AbstractScorer
from autoprox.statistics import BatchLoss, Requirements


class TaughtScorer(AbstractScorer):
    """A scorer that compares with a teacher, given beforehand or with a call."""

    @abstractmethod
    def taught_by(self, teacher: Teacher | nn.Module) -> Self:
        """The same scorer with a teacher; the teacher's digest is part of its identity.

        Raises:
            SpecError: If `teacher` is not a network.
        """

    def score(
        self,
        model: nn.Module,
        images: Any,
        labels: Any = None,
        *,
        loss: BatchLoss | None = None,
        teacher: Teacher | nn.Module | None = None,
    ) -> float:
        """Scores one live model; see `Scorer`.

        Args:
            model: The student, with its present parameters.
            images: Batch, shape `(B, C, H, W)`, for student and teacher.
            labels: Class indices, shape `(B,)`.
            loss: Loss of backward passes of other parts.
            teacher: The network to compare with, for this call; `taught_by` is faster for several calls.

        Raises:
            CollectionError: If there is no teacher, or the networks cannot be compared on this batch.
            UndefinedScoreError: If the score has no finite value on this model.
        """
        scorer = self if teacher is None else self.taught_by(teacher)
        with prepared(model, images, labels, loss) as subject:
            return scorer.score_subject(subject)

    @abstractmethod
    def score_subject(self, subject: Subject) -> float:
        """Scores a prepared model; raises as `score` does."""


@dataclass(frozen=True)
class PairedProxy(TaughtScorer):
    """Nearness of a student to a teacher in a view of one batch.

    Args:
        name: Name for reports.
        view: Computes the view of a network: of the student, and of the teacher.
        compare: From the views of student and teacher to a number; higher is nearer.
        source: Reference of the method.
        needs: Inputs that it needs, and passes that it runs.
        teacher: The teacher, if already given.
        normal: True to draw all parameters of both networks from N(0, 1) first, as in DisWOT's experiments.
        repeats: With `normal`, number of draws to average over.
        version: Incremented when its values change although its functions do not.

    Raises:
        SpecError: If `repeats` exceeds 1 without `normal`, since all repeats would be identical.

    Example:
        >>> import autoprox
        >>> micro, rng = autoprox.space("autoformer-micro"), np.random.default_rng(0)
        >>> student, teacher = (micro.build(micro.sample(rng), 10, 8, 1, seed=0) for _ in range(2))
        >>> batch = rng.normal(size=(4, 1, 8, 8)).astype("float32"), [0, 1, 2, 3]
        >>> near = autoprox.load("diswot-relation")
        >>> near.score(student, *batch, teacher=teacher) < near.score(teacher, *batch, teacher=teacher) == 0
        True
    """

    name: str
    view: Callable[[Subject], Any]
    compare: Callable[[Any, Any], float]
    source: str
    needs: Requirements
    teacher: Teacher | None = None
    normal: bool = False
    repeats: int = 1
    version: int = 1
    sign = 1

    def __post_init__(self) -> None:
        if self.repeats < 1 or (self.repeats > 1 and not self.normal):
            raise SpecError(f"`repeats` is {self.repeats}; give 1, or more together with `normal`.")

    def taught_by(self, teacher: Teacher | nn.Module) -> Self:
        """The same proxy with a teacher."""
        return replace(self, teacher=Teacher.of(teacher), needs=replace(self.needs, teacher=False))

    @property
    def identity(self) -> str | None:
        """Digest of view, comparison and teacher."""
        functions = [function_digest(each) for each in (self.view, self.compare)]
        taught = None if self.teacher is None else self.teacher.identity
        known = ["paired", functions, taught, self.normal, self.repeats, self.version]
        return None if None in functions else digest(known)

    @property
    def description(self) -> str:
        """Definition of the proxy: the docstring of the comparison."""
        return (self.compare.__doc__ or "Not described.").strip()

    def score_subject(self, subject: Subject) -> float:
        """Compares a prepared model with the teacher; raises as `score` does."""
        if self.teacher is None:
            raise CollectionError(
                f"The proxy '{self.name}' compares a network with a teacher, but has no teacher: give one by "
                "proxy.taught_by(model) or score(..., teacher=model)."
            )
        if self.needs.labels and subject.labels is None:
            raise CollectionError(f"The proxy '{self.name}' needs labels; give one class index for each image.")
        if len(subject.images) < self.needs.images:
            raise CollectionError(
                f"The proxy '{self.name}' needs at least {self.needs.images} images; {len(subject.images)} given."
            )
        try:
            values = [self._compared(subject, self.teacher, draw) for draw in range(self.repeats)]
        except (CollectionError, UndefinedScoreError, SpecError) as error:
            kind = UndefinedScoreError if isinstance(error, UndefinedScoreError) else CollectionError
            raise kind(f"The proxy '{self.name}': {error}") from error
        if not np.isfinite(values).all():
            raise UndefinedScoreError(
                f"The proxy '{self.name}' has no finite value on this model; rank the model last, or choose another "
                "proxy."
            )
        return float(np.mean(values))

    def _compared(self, subject: Subject, teacher: Teacher, draw: int) -> float:
        seed = draw if self.normal else None
        ours = self._drawn(subject.model, subject, seed) if self.normal else subject.once(self.view)
        labels = subject.labels if self.needs.labels else None
        batch = array_digest(subject.images.numpy(force=True))
        classes = None if labels is None else array_digest(np.asarray(labels))
        theirs = teacher.remembered(
            (self.view, batch, classes, seed), lambda: self._drawn(teacher.model, subject, seed)
        )
        return self.compare(ours, theirs)

    def _drawn(self, model: nn.Module, subject: Subject, seed: int | None) -> Any:
        """The view of a model, with its parameters or with drawn ones."""
        with ExitStack() as stack:
            shown = model if seed is None else _normal(model, seed)
            return self.view(stack.enter_context(prepared(shown, subject.images, subject.labels)))


def _normal(model: nn.Module, seed: int) -> nn.Module:
    """A copy with parameters drawn from N(0, 1), and with reset running statistics."""
    drawn, generator = deepcopy(model), torch.Generator().manual_seed(derived_seed("normal", seed))
    with torch.no_grad():
        for parameter in drawn.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator).to(parameter))
    for each in drawn.modules():
        if isinstance(each, nn.modules.batchnorm._BatchNorm):
            each.reset_running_stats()
    return drawn


@dataclass(frozen=True)
class StandardisedProxy(TaughtScorer):
    """A weighted sum of proxies, which are standardised within a set of networks.

    Values become z-scores, or mean ranks divided by the number of networks. A single network has neither; its score is
    the weighted sum of raw values.

    Args:
        name: Name for reports.
        members: The proxies.
        weights: One weight per proxy.
        source: Reference of the method.
        by: "z" or "rank", or "raw" to add raw values in sets as well.

    Raises:
        SpecError: If the numbers of weights and members differ, or `by` is invalid.

    Example:
        >>> import autoprox
        >>> sums = autoprox.load("diswot")
        >>> [round(float(each), 2) for each in sums.join(np.array([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0]]))]
        [-1.22, 0.0, 1.22]
    """

    name: str
    members: tuple[TaughtScorer | FunctionProxy, ...]
    weights: tuple[float, ...]
    source: str
    by: str = "z"
    sign = 1

    def __post_init__(self) -> None:
        if len(self.members) != len(self.weights):
            raise SpecError(
                f"There are {len(self.members)} members and {len(self.weights)} weights; give one weight per member."
            )
        if self.by not in _SCALES:
            raise SpecError(f"`by` is '{self.by}'; allowed: {', '.join(_SCALES)}.")

    @property
    def parts(self) -> tuple[Any, ...]:
        """The proxies in the sum."""
        return self.members

    @property
    def identity(self) -> str | None:
        """Digest of its parts' identities, the weights and the scale; None if a part has no identity."""
        each = [part.identity for part in self.members]
        return None if None in each else digest(["standardised", each, list(self.weights), self.by])

    @property
    def needs(self) -> Requirements:  # type: ignore[override]
        """Joint requirements of its parts."""
        return Requirements.together(each.needs for each in self.members)

    def taught_by(self, teacher: Teacher | nn.Module) -> Self:
        """The same sum with a teacher for the members that need one."""
        known = Teacher.of(teacher)
        return replace(self, members=tuple(each.taught_by(known) for each in self.members))

    def score_subject(self, subject: Subject) -> float:
        """Scores a single prepared model by raw values; raises as `score` does."""
        values = [each.score_subject(subject) for each in self.members]
        return float(np.dot(self.weights, values))

    def join(self, values: Floats) -> Floats:
        """Scores of a set from the values of the parts, `(P, A)` -> `(A,)`; NaN if a part has no finite value."""
        rows = np.array(values, dtype=np.float64)
        known = np.isfinite(rows).all(axis=0)
        joined = np.full(rows.shape[1], np.nan)
        if known.any():
            scaled = [_SCALES[self.by](row) for row in rows[:, known]]
            joined[known] = np.dot(self.weights, scaled)
        return joined


def _z(row: Floats) -> Floats:
    spread = row.std()
    return (row - row.mean()) / spread if spread > 0 else np.zeros_like(row)


def _ranks(row: Floats) -> Floats:
    return np.asarray(rankdata(row)) / len(row)


_SCALES: dict[str, Callable[[Floats], Floats]] = {"z": _z, "rank": _ranks, "raw": np.asarray}

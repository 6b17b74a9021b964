"""Evaluation of a candidate on the fit split: its signed joint correlation, or the reason why it has none."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autoprox.base.arrays import Floats
from autoprox.bench.judging import Judge
from autoprox.bench.verdict import finite_or_none
from autoprox.graph import Evaluator, Expression, LeafTable

ROUNDING = 1e-9
"""Scores of a block that differ by less than this share of the largest are equal up to rounding."""


class Status(StrEnum):
    """Status of a candidate: valid, or the reason why it cannot rank."""

    VALID = "valid"
    UNDEFINED = "undefined"  # no finite value on some network
    CONSTANT = "constant"  # the same value for all architectures of a block
    EARLY = "early"  # the same value for the first networks of a block, if the plan rejects that
    SIZE_ALONE = "size_alone"  # constant at one size, or ranking exactly like parameters


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome of one candidate on the fit split.

    Args:
        status: Status of the candidate.
        sign: 1 or -1, the direction with the higher fitness.
        taus: Correlation on each block, including the sign; empty unless valid.
        joint: Joint correlation, including the sign; NaN unless valid.
        beyond: Joint correlation beyond size, including the sign; NaN unless requested.
        value: The fitness: joint correlation plus the weighted correlation beyond size.
    """

    status: Status
    sign: int
    taus: tuple[float, ...]
    joint: float
    beyond: float
    value: float

    def to_document(self) -> list[Any]:
        """The evaluation as JSON-compatible data; floats are exact, NaN is None."""
        numbers = [finite_or_none(each) for each in (self.joint, self.beyond, self.value)]
        return [self.status.value, self.sign, list(self.taus), *numbers]

    @classmethod
    def from_document(cls, document: Sequence[Any]) -> "Evaluation":
        """Restores an evaluation from `to_document`.

        Example:
            >>> one = Evaluation(Status.VALID, -1, (0.1, 0.2), 0.15, float("nan"), 0.15)
            >>> Evaluation.from_document(one.to_document()).taus
            (0.1, 0.2)
        """
        status, sign, taus, *numbers = document
        joint, beyond, value = (np.nan if each is None else float(each) for each in numbers)
        return cls(Status(status), sign, tuple(taus), joint, beyond, value)


class Judged(NamedTuple):
    """A candidate's evaluation with its scores.

    Args:
        evaluation: The evaluation.
        scores: Scores on the networks of fit, including the sign, `(A,)`; empty unless valid.
    """

    evaluation: Evaluation
    scores: Floats


class Fitness:
    """Scores candidates on leaf values and judges them on blocks.

    The fitness is `joint + beyond_size * beyond`, where `beyond` aggregates the tau among architectures of one size
    over the blocks (`Judge.beyond`). The fitter one of a graph and its negative counts.

    Args:
        judge: Blocks of the fit split.
        leaves: Leaf values of the judge's networks.
        beyond_size: Weight of the correlation beyond size.
        measures_beyond: Computes `beyond` even if its weight is 0.
        early_exit: Number of first networks of a block; a candidate with equal scores on them is rejected. 0 disables
            it.
    """

    def __init__(
        self,
        judge: Judge,
        leaves: LeafTable,
        beyond_size: float = 0.0,
        *,
        measures_beyond: bool = False,
        early_exit: int = 0,
    ) -> None:
        self._judge = judge
        self._evaluator = Evaluator(leaves)
        self._weight = beyond_size
        self._measures_beyond = measures_beyond or beyond_size > 0
        self._early_exit = early_exit

    def evaluate(self, graphs: Sequence[Expression]) -> list[Judged]:
        """Evaluates candidates together, in the given order; each result is independent of the others."""
        if not graphs:
            return []
        scores = self._evaluator.scores(graphs)
        finite = np.asarray(np.isfinite(scores).all(axis=1))
        scores = np.where(finite[:, None], scores, 0.0)
        taus = self._judge.taus(scores)
        joints = np.stack([self._judge.joint(taus), self._judge.joint(-taus)])
        beyond = np.full_like(joints, np.nan)
        values = joints
        if self._measures_beyond:
            left = self._judge.beyond(scores, taus)
            beyond = np.stack([self._judge.joint(left), self._judge.joint(-left)])
            values = joints + self._weight * beyond if self._weight else joints
        constant = np.asarray(np.isnan(taus).any(axis=1) | self._flat(scores))
        early = self._flat(scores, self._early_exit) if self._early_exit else np.zeros(len(graphs), dtype=bool)
        size_alone = np.asarray(np.isnan(values).any(axis=0))
        judged = []
        for row in range(len(graphs)):
            if not finite[row]:
                judged.append(_invalid(Status.UNDEFINED))
            elif constant[row]:
                judged.append(_invalid(Status.CONSTANT))
            elif early[row]:
                judged.append(_invalid(Status.EARLY))
            elif size_alone[row]:
                judged.append(_invalid(Status.SIZE_ALONE))
            else:
                way = 0 if values[0, row] >= values[1, row] else 1
                sign = 1 - 2 * way
                numbers = (float(each[way, row]) for each in (joints, beyond, values))
                evaluation = Evaluation(Status.VALID, sign, tuple((sign * taus[row]).tolist()), *numbers)
                judged.append(Judged(evaluation, sign * scores[row]))
        return judged

    def scores(self, graphs: Sequence[Expression], signs: Sequence[int]) -> Floats:
        """Scores of graphs on the networks of fit, including the sign, `(P, A)`."""
        return np.asarray(np.array(signs, dtype=np.float64)[:, None] * self._evaluator.scores(graphs))

    def _flat(self, scores: Floats, first: int | None = None) -> npt.NDArray[np.bool_]:
        """True where the scores of a block, or of its first networks, are equal up to rounding, `(P,)`."""
        flat = np.zeros(len(scores), dtype=bool)
        for part in (each[:, :first] for each in self._judge.by_block(scores)):
            flat |= np.ptp(part, axis=1) <= ROUNDING * np.abs(part).max(axis=1)
        return flat


def _invalid(status: Status) -> Judged:
    return Judged(Evaluation(status, 1, (), np.nan, np.nan, np.nan), np.empty(0))

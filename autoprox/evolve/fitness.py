"""What a candidate is worth on the fit split: its signed correlations, joined, or the reason why it has none."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from autoprox.graph import Evaluator, Expression, Judge, LeafTable

ROUNDING = 1e-9
"""Scores of a block that differ by less than this share of the largest are one score and rounding noise."""


class Status(StrEnum):
    """Whether a candidate can be ranked, and if not, why."""

    VALID = "valid"
    UNDEFINED = "undefined"  # no finite value on some network
    CONSTANT = "constant"  # the same value for all architectures of a block


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome of one candidate on the fit split.

    Args:
        status: Whether it can be ranked.
        sign: 1 or -1, the direction in which its joint correlation is the higher one.
        taus: Correlation with each block, sign included; empty unless valid.
        joint: Joint correlation, sign included; NaN unless valid.
    """

    status: Status
    sign: int
    taus: tuple[float, ...]
    joint: float


class Fitness:
    """Scores candidates on leaf values and judges them on blocks.

    Args:
        judge: Blocks of the fit split.
        leaves: Leaf values of the judge's networks.
    """

    def __init__(self, judge: Judge, leaves: LeafTable) -> None:
        self._judge = judge
        self._evaluator = Evaluator(leaves)

    def evaluate(self, graphs: Sequence[Expression]) -> list[Evaluation]:
        """Evaluates candidates together, in the order given; the result of each does not depend on the others."""
        if not graphs:
            return []
        scores = self._evaluator.scores(graphs)
        finite = np.asarray(np.isfinite(scores).all(axis=1))
        taus = self._judge.taus(np.where(finite[:, None], scores, 0.0))
        upward, downward = self._judge.joint(taus), self._judge.joint(-taus)
        constant = np.isnan(taus).any(axis=1) | self._flat(np.where(finite[:, None], scores, 0.0))
        evaluations = []
        for row in range(len(graphs)):
            if not finite[row]:
                evaluations.append(Evaluation(Status.UNDEFINED, 1, (), np.nan))
            elif constant[row]:
                evaluations.append(Evaluation(Status.CONSTANT, 1, (), np.nan))
            else:
                sign = 1 if upward[row] >= downward[row] else -1
                joint = float(max(upward[row], downward[row]))
                evaluations.append(Evaluation(Status.VALID, sign, tuple((sign * taus[row]).tolist()), joint))
        return evaluations

    def _flat(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Whether the scores of some block differ by no more than rounding does, `(P, A)` -> `(P,)`."""
        flat = np.zeros(len(scores), dtype=bool)
        for part in self._judge.by_block(scores):
            flat |= np.ptp(part, axis=1) <= ROUNDING * np.abs(part).max(axis=1)
        return flat

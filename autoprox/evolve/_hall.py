"""The hall of fame: the fittest candidates of a run, without near-copies."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import stats

from autoprox.base.arrays import Floats
from autoprox.evolve.fitness import Evaluation
from autoprox.graph import Expression, parse

HALL_SIZE = 64
"""Size of the hall of fame, from which the select split chooses."""

NEAR_COPY = 0.98
"""Mean rank correlation (Spearman) over the blocks of fit at which two candidates count as near-copies."""


@dataclass(frozen=True, eq=False)
class Contender:
    """Contender for the hall: a valid candidate with its scores.

    Args:
        text: Text of the graph.
        size: Size of the graph.
        evaluation: Evaluation on fit.
        scores: Scores on the networks of fit, including the sign, `(A,)`.
    """

    text: str
    size: int
    evaluation: Evaluation
    scores: Floats

    @cached_property
    def graph(self) -> Expression:
        """The parsed graph."""
        return parse(self.text)

    @property
    def value(self) -> float:
        """Fitness on fit."""
        return self.evaluation.value

    @property
    def rank(self) -> tuple[float, int]:
        """Sort key, higher is better: fitness, then small size."""
        return rank(self.evaluation, self.size)


def rank(evaluation: Evaluation, size: int) -> tuple[float, int]:
    """Sort key of candidates, higher is better: fitness, then small size."""
    return (evaluation.value, -size)


class Hall:
    """Keeps the fittest candidates, best first.

    Of near-copies only the fittest is kept, and of equally fit ones the smallest.

    Args:
        by_block: Cuts scores into blocks: `(P, A)` -> `D` times `(P, n)`.
        size: Largest number of members.
        near_copy: Mean rank correlation over blocks at which two candidates are near-copies.
    """

    def __init__(
        self, by_block: Callable[[Floats], Sequence[Floats]], size: int = HALL_SIZE, near_copy: float = NEAR_COPY
    ) -> None:
        self._by_block = by_block
        self._size = size
        self._near_copy = near_copy
        self._members: list[Contender] = []

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Contender]:
        return iter(self._members)

    def __getitem__(self, index: int) -> Contender:
        return self._members[index]

    @property
    def bound(self) -> tuple[float, int] | None:
        """Rank that a candidate has to exceed; None if the hall is not full."""
        return self._members[-1].rank if len(self._members) >= self._size else None

    def update(self, candidates: Iterable[Contender]) -> None:
        """Refills the hall from its members and candidates, best first, without near-copies."""
        bound = self.bound
        newcomers = [each for each in candidates if bound is None or each.rank > bound]
        if not newcomers:
            return
        standing = sorted([*self._members, *newcomers], key=lambda each: each.rank, reverse=True)
        rankings = self._rankings(np.stack([each.scores for each in standing]))
        left = np.ones(len(standing), dtype=bool)
        self._members = []
        for index, each in enumerate(standing):
            if left[index] and len(self._members) < self._size:
                self._members.append(each)
                left[index:] &= rankings[index:] @ rankings[index] < self._near_copy

    def _rankings(self, scores: Floats) -> Floats:
        """Ranks in each block, centred and scaled, so that the product of two rows is their mean rank correlation."""
        parts = self._by_block(scores)
        columns = []
        for part in parts:
            ranks = stats.rankdata(part, axis=1)
            ranks -= ranks.mean(axis=1, keepdims=True)
            columns.append(ranks / np.sqrt(np.square(ranks).sum(axis=1, keepdims=True) * len(parts)))
        return np.concatenate(columns, axis=1)

    def to_document(self) -> list[Any]:
        """The members as JSON-compatible data, without their scores."""
        return [[each.text, each.size, each.evaluation.to_document()] for each in self._members]

    def restore(self, document: Sequence[Any], scored: Callable[[Sequence[Expression], Sequence[int]], Floats]) -> None:
        """Restores the members from `to_document`.

        Args:
            document: The data.
            scored: Returns the scores of graphs with these signs on the networks of fit.
        """
        texts, sizes, evaluations = zip(*document, strict=True) if document else ((), (), ())
        known = [Evaluation.from_document(each) for each in evaluations]
        scores = scored([parse(text) for text in texts], [each.sign for each in known])
        self._members = [Contender(*each) for each in zip(texts, sizes, known, scores, strict=True)]

"""What a search found."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from autoprox.base.errors import SpecError
from autoprox.search.constraints import Constraints
from autoprox.spaces import Arch


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored architecture.

    Args:
        arch: The architecture, for `Space.build`.
        score: Higher is better; NaN where there is no finite score.
        params: Parameters.
        macs: Multiply-accumulates of one forward pass, per image.
        reason: Why it could not be scored; empty if it could be, or is just undefined.
    """

    arch: Arch
    score: float
    params: int
    macs: int
    reason: str = ""

    def to_document(self) -> dict[str, Any]:
        """The candidate as JSON-like data; `arch` are the genes, for `Space.arch`, or as text for `Space.parse`."""
        return {
            "arch": self.arch.genes,
            "arch_id": self.arch.arch_id,
            "score": self.score if math.isfinite(self.score) else None,
            "params": self.params,
            "macs": self.macs,
        }


@dataclass(frozen=True)
class SearchResult:
    """All candidates of a search, and what was searched.

    Args:
        scorer: Name of the scorer.
        space: Name of the space.
        constraints: What was allowed.
        method: How candidates were proposed.
        candidates: The best first; of equal scores the smaller network; those without a score last.
        allowed: Number of architectures that the constraints allow.
        total: Number of architectures of the space.
    """

    scorer: str
    space: str
    constraints: Constraints
    method: str
    candidates: tuple[Candidate, ...]
    allowed: int
    total: int

    @property
    def pick(self) -> Candidate:
        """The best candidate."""
        return self.candidates[0]

    @cached_property
    def scored(self) -> tuple[Candidate, ...]:
        """The candidates that have a finite score."""
        return tuple(each for each in self.candidates if math.isfinite(each.score))

    @property
    def reason(self) -> str:
        """Why the first of those that could not be scored could not be; empty if all could be."""
        return next((each.reason for each in self.candidates if each.reason), "")

    def top(self, count: int) -> Sequence[Candidate]:
        """The best candidates; fewer if fewer have a score.

        Raises:
            SpecError: If the count is below 1.
        """
        if count < 1:
            raise SpecError(f"--top is {count}; it must be at least 1.")
        return self.scored[:count]

    def frame(self) -> pd.DataFrame:
        """All candidates as rows, the best first: arch_id, arch_json, score, params, macs."""
        rows = [
            {
                "arch_id": each.arch.arch_id,
                "arch_json": each.arch.json,
                "score": each.score,
                "params": each.params,
                "macs": each.macs,
            }
            for each in self.candidates
        ]
        return pd.DataFrame(rows)

    def to_document(self, top: int = 1) -> dict[str, Any]:
        """What was searched and the best candidates, as JSON-like data; the same for every way to the same result."""
        return {
            "scorer": self.scorer,
            "space": self.space,
            "method": self.method,
            "constraints": self.constraints.to_document(),
            "allowed_architectures": self.allowed,
            "all_architectures": self.total,
            "evaluated": len(self.candidates),
            "without_score": len(self.candidates) - len(self.scored),
            "picks": [{"rank": rank, **each.to_document()} for rank, each in enumerate(self.top(top), start=1)],
        }

"""Result of a search."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import pandas as pd

from autoprox.base.errors import SpecError
from autoprox.base.html import panel, scatter
from autoprox.search._region import Pilot
from autoprox.search.constraints import Constraints, bounded
from autoprox.spaces import Arch

DIGITS = 8
"""Significant digits by which scores are compared and shown; further digits are rounding error."""
NAMED = 20
"""Number of architectures of a tie named in a document; the table of all candidates has the rest."""


@dataclass(frozen=True, slots=True)
class ScoredArch:
    """A scored architecture.

    Args:
        arch: The architecture, for `Space.build`.
        score: Score, higher is better; NaN without a finite score.
        costs: Costs of its network by name: `params`, `macs` and all bounded costs.
        reason: Reason for a missing score; empty if it has a score, or the score is merely undefined.
    """

    arch: Arch
    score: float
    costs: Mapping[str, int | float]
    reason: str = ""

    @property
    def params(self) -> int:
        """Number of parameters."""
        return int(self.costs["params"])

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one forward pass, per image."""
        return int(self.costs["macs"])

    @property
    def shown_score(self) -> float:
        """The score rounded to significant digits; NaN without a value."""
        return float(f"{self.score:.{DIGITS}g}")

    def to_document(self) -> dict[str, Any]:
        """The candidate as JSON-compatible data; `Space.build` accepts its `arch`, the genes."""
        return {
            "arch": self.arch.genes,
            "arch_id": self.arch.arch_id,
            "score": self.score if math.isfinite(self.score) else None,
            **self.costs,
        }


@dataclass(frozen=True)
class Pick:
    """The candidates of one rank, which the scorer does not distinguish.

    Args:
        rank: 1 for the best; the next lower score has the next rank.
        candidates: All of them, the smallest network first.
    """

    rank: int
    candidates: tuple[ScoredArch, ...]

    @property
    def best(self) -> ScoredArch:
        """The smallest network of them, the cheapest for the same score."""
        return self.candidates[0]

    @property
    def others(self) -> tuple[ScoredArch, ...]:
        """Candidates with the same score."""
        return self.candidates[1:]

    def to_document(self) -> dict[str, Any]:
        """JSON-compatible data: the smallest network, the number of ties, and the ties (at most 20)."""
        return {
            "rank": self.rank,
            **self.best.to_document(),
            "ties": len(self.others),
            "tied_with": [each.to_document() for each in self.others[:NAMED]],
        }


@dataclass(frozen=True)
class SearchResult:
    """All candidates of a search, with its definition.

    Args:
        scorer: Name of the scorer.
        space: Name of the space.
        constraints: Constraints of the search.
        method: Name and settings of the search method.
        candidates: The best first; among scores that are equal in `DIGITS` digits, the smaller network first;
            candidates without a score last.
        allowed: Number of architectures that the constraints allow; None if unknown.
        total: Number of architectures of the space; None if unknown.
        acceptance: Numbers of draws and of allowed ones among them; None if every draw was allowed by construction.
    """

    scorer: str
    space: str
    constraints: Constraints
    method: str
    candidates: tuple[ScoredArch, ...]
    allowed: int | None
    total: int | None
    acceptance: Pilot | None = None

    def __repr__(self) -> str:
        count = f"{len(self.candidates):,} candidates"
        return f"SearchResult({self.space} by {self.scorer!r}: {count}, pick {self._picked})"

    def _repr_html_(self) -> str:
        facts = {"candidates": f"{len(self.candidates):,}", "pick": self._picked, "genes": self.pick.arch.json}
        if self.constraints.bounds:
            facts["bounds"] = bounded(self.constraints.bounds)
        points = [(float(each.params), each.score) for each in self.candidates]
        picture = scatter(points, [(float(self.pick.params), self.pick.score)], "parameters", f"score of {self.scorer}")
        return panel(f"Search of {self.space} by {self.scorer}", facts, picture)

    @property
    def _picked(self) -> str:
        return f"{self.pick.arch.arch_id}, {self.pick.params:,} parameters, score {self.pick.score:.4g}"

    @property
    def pick(self) -> ScoredArch:
        """The best candidate; the smallest network among equal scores."""
        return self.candidates[0]

    @cached_property
    def scored(self) -> tuple[ScoredArch, ...]:
        """The candidates with a finite score."""
        return tuple(each for each in self.candidates if math.isfinite(each.score))

    @property
    def reason(self) -> str:
        """Reason for the first failure to score a candidate; empty without failures."""
        return next((each.reason for each in self.candidates if each.reason), "")

    @cached_property
    def ranked(self) -> tuple[Pick, ...]:
        """The scored candidates, grouped by equal scores."""
        groups = groupby(self.scored, key=lambda each: each.shown_score)
        return tuple(Pick(rank, tuple(group)) for rank, (_, group) in enumerate(groups, start=1))

    def top(self, count: int) -> Sequence[Pick]:
        """The best ranks; fewer if there are fewer different scores.

        Raises:
            SpecError: If the count is below 1.
        """
        if count < 1:
            raise SpecError(f"The number of picks is {count}; it must be at least 1.")
        return self.ranked[:count]

    def frame(self) -> pd.DataFrame:
        """All candidates as rows, the best first: rank, arch_id, arch_json, score, and one column per cost."""
        return pd.DataFrame(self._rows())

    def _rows(self) -> Iterator[dict[str, Any]]:
        ranks = {each.arch: pick.rank for pick in self.ranked for each in pick.candidates}
        for each in self.candidates:
            yield {
                "rank": ranks.get(each.arch),
                "arch_id": each.arch.arch_id,
                "arch_json": each.arch.json,
                "score": each.score,
                **each.costs,
            }

    def to_document(self, top: int = 1) -> dict[str, Any]:
        """Search and best candidates as JSON-compatible data; deterministic for the same result."""
        return {
            "scorer": self.scorer,
            "space": self.space,
            "method": self.method,
            "constraints": self.constraints.to_document(),
            "allowed_architectures": self.allowed,
            "all_architectures": self.total,
            "acceptance": None if self.acceptance is None else self.acceptance._asdict(),
            "evaluated": len(self.candidates),
            "without_score": len(self.candidates) - len(self.scored),
            "picks": [pick.to_document() for pick in self.top(top)],
        }


def by_score(candidate: ScoredArch) -> tuple[bool, float, float, str]:
    """Sort key of candidates: the best score first, then the smallest network."""
    undefined = not math.isfinite(candidate.score)
    return undefined, 0.0 if undefined else -candidate.shown_score, candidate.params, candidate.arch.arch_id

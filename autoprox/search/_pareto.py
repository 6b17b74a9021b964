"""The front of score against costs: the non-dominated candidates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autoprox.base.arrays import Floats
from autoprox.base.errors import SpecError
from autoprox.search.constraints import Constraints
from autoprox.search.result import ScoredArch, SearchResult
from autoprox.spaces.costs import Cost


def nondominated(values: Floats) -> npt.NDArray[np.bool_]:
    """Mask of the non-dominated points: no other point is at most as high in all coordinates and lower in one.

    Args:
        values: `(n, k)`; lower is better.

    Returns:
        `(n,)`; of equal points only the first is True.

    Example:
        >>> nondominated(np.array([[1, 3], [2, 2], [2, 3], [3, 1], [1, 3]])).tolist()
        [True, True, False, True, False]
    """
    kept = np.ones(len(values), dtype=bool)
    for place, value in enumerate(values):
        if kept[place]:
            worse = (values >= value).all(axis=1)  # includes the point itself and its equals
            kept &= ~worse
            kept[place] = True
    return kept


@dataclass(frozen=True)
class CostFront:
    """The candidates of a search that are non-dominated in score and costs.

    Args:
        costs: Costs against which the score is traded.
        points: From the cheapest by the first cost to the most expensive; with one cost, scores rise along them.
    """

    costs: tuple[Cost, ...]
    points: tuple[ScoredArch, ...]

    @classmethod
    def of(cls, result: SearchResult, costs: Sequence[Cost]) -> "CostFront":
        """The front among the scored candidates of a search, with scores rounded to significant digits.

        Raises:
            SpecError: If there is no cost, or the search did not record one.
        """
        names = [cost.name for cost in costs]
        if not names:
            raise SpecError("A front needs at least one cost; give one in `costs`.")
        if missing := [name for name in names if result.scored and name not in result.scored[0].costs]:
            raise SpecError(f"The search did not record the cost '{missing[0]}'; give it to `run` as one of `costs`.")
        points = sorted(result.scored, key=lambda each: (*(each.costs[name] for name in names), each.arch.arch_id))
        rows = [[-each.shown_score, *(each.costs[name] for name in names)] for each in points]
        kept = nondominated(np.array(rows, dtype=np.float64).reshape(len(points), 1 + len(names)))
        return cls(tuple(costs), tuple(each for each, stays in zip(points, kept, strict=True) if stays))

    @property
    def three(self) -> tuple[ScoredArch, ...]:
        """Up to three representative points: at a quarter, at the middle, and the best by score."""
        count = len(self.points)
        best = max(range(count), key=lambda place: self.points[place].shown_score)
        return tuple(self.points[place] for place in dict.fromkeys([count // 4, count // 2, best]))

    def bounds_of(self, point: ScoredArch, constraints: Constraints) -> Constraints:
        """Constraints of all architectures that cost no more than a point.

        Args:
            point: One of the points.
            constraints: Constraints of the search.
        """
        known: Mapping[str, Cost] = {cost.name: cost for cost in (*constraints.costs, *self.costs)}
        most = {f"max_{cost.name}": point.costs[cost.name] for cost in self.costs}
        return Constraints(known, **{**constraints.to_document(), **most})

    def to_document(self) -> dict[str, Any]:
        """JSON-compatible data."""
        return {
            "costs": [cost.name for cost in self.costs],
            "points": [each.to_document() for each in self.points],
        }

"""The front of a run: non-dominated candidates in joint correlation, tau beyond size, and size of the graph."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class FrontPoint:
    """A candidate on the front.

    Args:
        graph: Text of the graph.
        sign: 1 or -1.
        size: Size of the graph.
        joint: Joint correlation on fit, including the sign.
        beyond: Joint correlation on fit beyond size.
    """

    graph: str
    sign: int
    size: int
    joint: float
    beyond: float

    def to_document(self) -> dict[str, Any]:
        """The point as JSON-compatible data."""
        return {
            "graph": self.graph,
            "sign": self.sign,
            "size": self.size,
            "joint": self.joint,
            "beyond_size": self.beyond,
        }


class Front:
    """Non-dominated points; of equal ones the first is kept.

    Example:
        >>> front = Front([FrontPoint("a", 1, 3, 0.5, 0.1), FrontPoint("b", 1, 2, 0.5, 0.1)])
        >>> [point.graph for point in front.points]
        ['b']
    """

    def __init__(self, points: Iterable[FrontPoint] = ()) -> None:
        self.points: list[FrontPoint] = []
        self._values = np.empty((0, 3))
        for each in points:
            self.add(each)

    def add(self, point: FrontPoint) -> None:
        """Adds a point unless it is dominated, and drops the points that it dominates."""
        value = np.array([point.joint, point.beyond, -point.size])
        if (self._values >= value).all(axis=1).any():
            return
        kept = np.asarray(~(self._values <= value).all(axis=1))
        self.points = [each for each, keep in zip(self.points, kept.tolist(), strict=True) if keep] + [point]
        self._values = np.concatenate([self._values[kept], value[None]])

    def sorted(self) -> list[FrontPoint]:
        """The points, highest joint correlation first."""
        return sorted(self.points, key=lambda each: (-each.joint, -each.beyond, each.size))

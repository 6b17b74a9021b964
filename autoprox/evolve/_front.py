"""The front of a run: candidates that no other beats in joint correlation, tau beyond size and size of the graph."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class FrontPoint:
    """A candidate on the front.

    Args:
        graph: Its text.
        sign: 1 or -1.
        size: Size of the graph.
        joint: Joint correlation on fit, sign included.
        beyond: What of it is left beyond size.
    """

    graph: str
    sign: int
    size: int
    joint: float
    beyond: float

    def to_document(self) -> dict[str, Any]:
        """The point as JSON-like data."""
        return {
            "graph": self.graph,
            "sign": self.sign,
            "size": self.size,
            "joint": self.joint,
            "beyond_size": self.beyond,
        }


class Front:
    """Points none of which is at least as good as another in everything; of equal ones the first stays.

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
        """Takes a point in, and drops those that it beats; a point that is beaten is left out."""
        value = np.array([point.joint, point.beyond, -point.size])
        if (self._values >= value).all(axis=1).any():
            return
        kept = np.asarray(~(self._values <= value).all(axis=1))
        self.points = [each for each, keep in zip(self.points, kept.tolist(), strict=True) if keep] + [point]
        self._values = np.concatenate([self._values[kept], value[None]])

    def sorted(self) -> list[FrontPoint]:
        """The points, highest joint correlation first."""
        return sorted(self.points, key=lambda each: (-each.joint, -each.beyond, each.size))

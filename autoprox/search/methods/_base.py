"""Interface of search methods: they see all scores so far, and propose the next candidates, a batch at a time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterator
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.search._arch_scores import Measured
from autoprox.search._region import Region
from autoprox.spaces import Arch

CHUNK = 64
"""Candidates a batch where none depends on another."""

_RETRIES = 50
# Children, and then draws, that may have been seen before in a row: more often only where nearly all have been.


class History:
    """Everything that was scored so far, in its order.

    Args:
        join: From the parts of all candidates `(P, A)` to their scores `(A,)`.
    """

    def __init__(self, join: Callable[[Floats], Floats]) -> None:
        self.archs: list[Arch] = []
        self.measured: list[Measured] = []
        self._join = join
        self._places: dict[Arch, int] = {}
        self._scores: Floats = np.empty(0)

    def __len__(self) -> int:
        return len(self.archs)

    def __contains__(self, arch: object) -> bool:
        return arch in self._places

    def add(self, arch: Arch, measured: Measured) -> None:
        """Records a candidate."""
        self._places[arch] = len(self.archs)
        self.archs.append(arch)
        self.measured.append(measured)

    @property
    def scores(self) -> Floats:
        """`(A,)`; NaN where a candidate has no finite score. Of a scorer that ranks: the ranks among all so far."""
        if len(self._scores) != len(self.archs):
            self._scores = self._join(np.array([each.parts for each in self.measured], dtype=np.float64).T)
        return self._scores

    def score(self, arch: Arch) -> float:
        """The score of a candidate; minus infinity where it has none, so that any score is better."""
        found = float(self.scores[self._places[arch]])
        return -np.inf if np.isnan(found) else found


class AbstractMethod(ABC):
    """A way to search; a dataclass of its settings, all of which have defaults.

    A batch is scored in parallel, so its size is a setting, and never the number of processes. A method keeps no state
    of its own but what follows from the history and the generator: so a search that is resumed proposes the same again.
    """

    name: ClassVar[str]

    @abstractmethod
    def proposals(self, region: Region, history: History, rng: np.random.Generator) -> Iterator[list[Arch]]:
        """Batches of distinct allowed candidates that were not scored yet, until there are none.

        The caller adds each batch to the history, in its order, before it asks for the next.

        Args:
            region: What is allowed.
            history: What was scored.
            rng: Where all draws come from.
        """

    def to_document(self) -> dict[str, Any]:
        """The settings as JSON-like data."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]


def change(history: History, before: Arch, after: Arch) -> float:
    """By how much a score rises; what has no score is below everything else, and equal to its like."""
    old, new = history.score(before), history.score(after)
    return 0.0 if old == new else new - old


def new_candidates(
    region: Region, history: History, wanted: int, make: Callable[[], Arch], rng: np.random.Generator
) -> list[Arch]:
    """As many candidates as wanted that are neither scored nor equal; fewer where no more are found."""
    batch: list[Arch] = []
    while len(batch) < wanted:
        arch = unseen(region, (history, batch), make, rng)
        if arch is None:
            break
        batch.append(arch)
    return batch


def unseen(
    region: Region, taken: tuple[Container[Arch], ...], make: Callable[[], Arch], rng: np.random.Generator
) -> Arch | None:
    """A candidate that is not taken: made, else drawn, else the first in the region's order; None without one.

    Where a region cannot be listed, what was not drawn counts as not there.
    """
    if region.size is not None and sum(map(len, taken)) >= region.size:  # type: ignore[arg-type]
        return None
    for source in (make, lambda: region.draw(rng)):
        for _ in range(_RETRIES):
            arch = source()
            if not any(arch in each for each in taken):
                return arch
    if region.size is None:
        return None
    return next(arch for arch in region if not any(arch in each for each in taken))

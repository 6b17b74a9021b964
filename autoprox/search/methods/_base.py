"""Interface of search methods, which propose batches of candidates from all scores so far."""

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
"""Candidates per batch if none depends on another."""

_RETRIES = 50
# Consecutive children, and then draws, that were seen before; more only if nearly all have been.


class History:
    """All candidates scored so far, in order.

    Args:
        join: Combines the parts of all candidates `(P, A)` into scores `(A,)`.
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
        """Scores `(A,)`, NaN for a candidate without a finite one; for a scorer that ranks, the ranks so far."""
        if len(self._scores) != len(self.archs):
            self._scores = self._join(np.array([each.parts for each in self.measured], dtype=np.float64).T)
        return self._scores

    def score(self, arch: Arch) -> float:
        """The score of a candidate; minus infinity without one, so that any score is better."""
        found = float(self.scores[self._places[arch]])
        return -np.inf if np.isnan(found) else found


class AbstractMethod(ABC):
    """A search method: a dataclass of its settings, which all have defaults.

    A batch is scored in parallel; its size is a setting and never the number of processes. The state of a method
    follows from the history and the generator, so that a resumed search proposes the same candidates again.
    """

    name: ClassVar[str]

    @abstractmethod
    def proposals(self, region: Region, history: History, rng: np.random.Generator) -> Iterator[list[Arch]]:
        """Batches of distinct, allowed and new candidates, until none is left.

        The caller adds each batch to the history, in its order, before it asks for the next.

        Args:
            region: The allowed architectures.
            history: The scored candidates.
            rng: Source of all draws.
        """

    def to_document(self) -> dict[str, Any]:
        """The settings as JSON-compatible data."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]


def change(history: History, before: Arch, after: Arch) -> float:
    """Gain in score; candidates without a score are equal, and below all others."""
    old, new = history.score(before), history.score(after)
    return 0.0 if old == new else new - old


def new_candidates(
    region: Region, history: History, wanted: int, make: Callable[[], Arch], rng: np.random.Generator
) -> list[Arch]:
    """The wanted number of distinct new candidates; fewer if no more are found."""
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

    In a region that cannot be listed, a candidate that is not drawn counts as missing.
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

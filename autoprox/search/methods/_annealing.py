"""Simulated annealing: chains of neighbours that accept worse ones with decreasing probability."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from autoprox.base.errors import SpecError
from autoprox.search._region import Region
from autoprox.search.methods._base import AbstractMethod, History, change, new_candidates, unseen
from autoprox.spaces import Arch

_KNOWN_MOVES = 100
# Moves of a chain to already scored candidates, which are free, until it jumps to a random one.


@final
@dataclass(frozen=True)
class Annealing(AbstractMethod):
    """Metropolis chains with a temperature that falls geometrically from a measured one.

    Kirkpatrick 1983, Optimization by Simulated Annealing, https://doi.org/10.1126/science.220.4598.671. The first
    temperature follows Johnson 1989, https://doi.org/10.1287/opre.37.6.865: the mean fall of the score is measured
    while chains accept everything, and is then accepted with a given probability. Scores may have any scale, and the
    search does not depend on the budget.

    A move is a mutation within the bounds. Moves to already scored candidates count as moves, but not as candidates.

    Args:
        chains: Number of independent chains; their proposals are scored together.
        warm_up: Candidates before the first rejection.
        acceptance: Initial probability of accepting a mean fall.
        cooling: Factor of the temperature per round, in which each chain proposes one candidate.

    Raises:
        SpecError: If a setting is out of range.
    """

    chains: int = 2
    warm_up: int = 40
    acceptance: float = 0.2
    cooling: float = 0.98
    name: ClassVar[str] = "annealing"

    def __post_init__(self) -> None:
        for name in ("chains", "warm_up"):
            if getattr(self, name) < 1:
                raise SpecError(f"`{name}` is {getattr(self, name)}; it must be at least 1.")
        if not 0 < self.acceptance < 1:
            raise SpecError(f"`acceptance` is {self.acceptance}; it must be between 0 and 1.")
        if not 0 < self.cooling <= 1:
            raise SpecError(f"`cooling` is {self.cooling}; it must be above 0 and at most 1.")

    def proposals(self, region: Region, history: History, rng: np.random.Generator) -> Iterator[list[Arch]]:
        """One batch per round: one candidate per chain."""
        current = new_candidates(region, history, self.chains, lambda: region.draw(rng), rng)
        yield from [current] if current else []
        falls: list[float] = []
        temperature = math.inf
        while current:
            batch: list[Arch] = []
            movers = []
            for chain in range(len(current)):
                child = self._child(region, history, batch, current, chain, temperature, rng)
                if child is not None:
                    batch.append(child)
                    movers.append(chain)
            if not batch:
                return
            yield batch
            for chain, child in zip(movers, batch, strict=True):
                gain = change(history, current[chain], child)
                falls += [-gain] if -math.inf < gain < 0 else []
                if accepts(gain, temperature, rng):
                    current[chain] = child
            if len(history) < self.warm_up:
                continue
            warm = math.isinf(temperature)
            temperature = first_temperature(falls, self.acceptance) if warm else temperature * self.cooling

    def _child(
        self,
        region: Region,
        history: History,
        batch: list[Arch],
        current: list[Arch],
        chain: int,
        temperature: float,
        rng: np.random.Generator,
    ) -> Arch | None:
        """The next new candidate of a chain; until it is found, the chain moves among scored ones."""
        for _ in range(_KNOWN_MOVES):
            child = region.mutate(current[chain], rng)
            if child not in history and child not in batch:
                return child
            if child in history and accepts(change(history, current[chain], child), temperature, rng):
                current[chain] = child
        return unseen(region, (history, batch), lambda: region.draw(rng), rng)


def first_temperature(falls: Sequence[float], acceptance: float) -> float:
    """The temperature at which a mean fall of the score is accepted with a given probability; 0 without falls.

    Example:
        >>> round(first_temperature([1.0, 3.0], math.exp(-2)), 12)
        1.0
    """
    return float(np.mean(falls)) / -math.log(acceptance) if falls else 0.0


def accepts(gain: float, temperature: float, rng: np.random.Generator) -> bool:
    """Metropolis rule: True for a gain of at least 0, otherwise with probability exp(gain / temperature).

    Example:
        >>> accepts(0.0, 0.0, np.random.default_rng(0)), accepts(-1.0, 0.0, np.random.default_rng(0))
        (True, False)
    """
    if gain >= 0:
        return True
    return temperature > 0 and rng.random() < math.exp(gain / temperature) and gain > -math.inf

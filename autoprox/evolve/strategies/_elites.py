"""Population and current parents of Algorithm 1 of Auto-Prox (Wei 2024, arXiv 2312.09059).

The paper: draw a pool from the population (ratio r), take its top k, pick one of them as parent, mutate it. Append the
child only if it exceeds its parent by a margin m; otherwise mutate the same parent again. Then remove the member with
the lowest joint correlation. There is no crossover. Here B parents are mutated at the same time, so that children are
evaluated together; with B = 1 it is the paper's algorithm with a limit on retries. The paper's population size, r, k
and m are not published: the defaults are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autoprox.evolve._individual import Individual, fittest
from autoprox.evolve.breeding import Breeder
from autoprox.evolve.strategies._base import AbstractSettings


@dataclass(frozen=True)
class ElitesSettings(AbstractSettings):
    """Settings of Algorithm 1.

    Args:
        population: Number of members.
        sample_ratio: Share of the population in a pool, in (0, 1].
        top_k: Number of best members of a pool that may become the parent.
        margin: Least advantage of a child's fitness over its parent's.
        parents: Number of parents mutated at the same time (B).
        retries: Mutations of one parent before it is replaced.

    Raises:
        SpecError: If a value is out of range.

    Example:
        >>> ElitesSettings.read(["population=64", "margin=0"]).population
        64
    """

    population: int = 128
    sample_ratio: float = 0.25
    top_k: int = 8
    margin: float = 0.001
    parents: int = 64
    retries: int = 16

    def __post_init__(self) -> None:
        self.require_counts("population", "top_k", "parents", "retries")
        self.require_share("sample_ratio")
        self.require_finite("margin")


@dataclass
class _Slot:
    parent: Individual | None = None
    tries: int = 0


class Elites:
    """Members, and slots; in each slot one parent is mutated until a child exceeds it.

    Args:
        settings: Settings.
        breeder: Source of randomness.
    """

    def __init__(self, settings: ElitesSettings, breeder: Breeder) -> None:
        self._settings = settings
        self._breeder = breeder
        self.members: list[Individual] = []
        self._slots = [_Slot() for _ in range(settings.parents)]

    @property
    def full(self) -> bool:
        """True if the population is full, so that parents are drawn from it."""
        return len(self.members) >= self._settings.population

    def fill(self, newcomers: Sequence[Individual | None]) -> None:
        """Admits newcomers of any fitness until the population is full, each graph once."""
        known = {each.graph.digest for each in self.members}
        for each in newcomers:
            if each is not None and each.graph.digest not in known and not self.full:
                known.add(each.graph.digest)
                self.members.append(each)

    def parents(self) -> list[Individual]:
        """The parent of every slot; redrawn if the last one was exceeded or replaced."""
        return [self._parent(slot) for slot in self._slots]

    def settle(self, children: Sequence[Individual | None]) -> None:
        """Admits the child of every slot if it exceeds its parent, in place of the worst member."""
        for slot, child in zip(self._slots, children, strict=True):
            if child is not None and self._passes(slot, child):
                self.members.append(child)
                self._drop_worst()
                slot.parent = None
            else:
                slot.tries += 1
                if slot.tries >= self._settings.retries:
                    slot.parent = None

    def admit(self, migrants: Sequence[Individual]) -> None:
        """Admits migrants in place of the worst members."""
        for each in migrants:
            if all(each.graph != member.graph for member in self.members):
                self.members.append(each)
                if len(self.members) > self._settings.population:
                    self._drop_worst()

    def state(self) -> dict[str, Any]:
        """Members and slots as JSON-compatible data."""
        return {
            "members": [each.to_document() for each in self.members],
            "slots": [[None if slot.parent is None else slot.parent.to_document(), slot.tries] for slot in self._slots],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restores the result of `state`."""
        grammar = self._breeder.grammar
        self.members = [Individual.from_document(each, grammar) for each in state["members"]]
        self._slots = [
            _Slot(None if parent is None else Individual.from_document(parent, grammar), tries)
            for parent, tries in state["slots"]
        ]

    def _passes(self, slot: _Slot, child: Individual) -> bool:
        assert slot.parent is not None
        if child.value - slot.parent.value < self._settings.margin:
            return False
        return all(child.graph != each.graph for each in self.members)

    def _drop_worst(self) -> None:
        worst = min(range(len(self.members)), key=lambda index: self.members[index].fitness)
        del self.members[worst]

    def _parent(self, slot: _Slot) -> Individual:
        if slot.parent is None:
            rng = self._breeder.rng
            size = max(1, round(self._settings.sample_ratio * len(self.members)))
            pool = [self.members[index] for index in rng.choice(len(self.members), size, replace=False)]
            best = fittest(pool, self._settings.top_k)
            slot.parent = best[int(rng.integers(len(best)))]
            slot.tries = 0
        return slot.parent

"""Plan and stopping rule of a run."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from autoprox.base.errors import SpecError
from autoprox.evolve.breeding import REDRAWS
from autoprox.evolve.grammar import LeafWeights
from autoprox.evolve.strategies import DEFAULT_STRATEGY, STRATEGIES, AbstractSettings
from autoprox.statistics import StatisticKind

EQUAL_WEIGHTS: LeafWeights = dict.fromkeys(StatisticKind, 1.0)
"""Equal frequency for leaves of each kind of statistic, so that half of all draws are counts."""

DEFAULT_BUDGET = 20_000
"""Default number of candidates of a discovery."""

MOST_GROWTHS = 16
"""Largest number of growths of the bank; the last one would occur after a hundred million candidates."""


@dataclass(frozen=True)
class Stop:
    """Stopping rule: a total number of distinct valid candidates, or a number of seconds.

    Raises:
        SpecError: If a bound is not positive, or neither is given.
    """

    budget: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.budget is None and self.seconds is None:
            raise SpecError("Give a budget (number of candidates) or a number of seconds.")
        if self.budget is not None and self.budget < 1:
            raise SpecError(f"The budget is {self.budget}; it must be at least 1 candidate.")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise SpecError(f"The number of seconds is {self.seconds}; it must be above 0 and finite.")


@dataclass(frozen=True)
class EvolutionPlan:
    """Plan of a search. The same plan on the same problem gives the same sequence of candidates, of any length.

    Args:
        seed: The one seed, 0 or more.
        strategy: Name of the strategy.
        settings: Its settings; the defaults if None.
        islands: Number of islands, which run separate strategies and exchange members.
        seed_zoo: Proposes the zoo's graphs first if true.
        beyond_size: Weight, in the fitness, of the correlation beyond size.
        growths: Number of growths of the bank by mutants of leaves of good candidates.
        leaf_weights: Relative frequency of leaves with statistics of each kind; all leaves of a site alike if None.
        redraws: Draws of a proposal until its graph is new and its kinds match; 1 accepts the first one.
        early_exit: Number of first networks of a block; a candidate with equal scores on them is rejected. 0 disables
            it.

    Raises:
        SpecError: If a value is out of range.
        RegistryError: If there is no such strategy.

    Example:
        >>> EvolutionPlan(seed=1, strategy="random").chosen_settings.batch
        64
    """

    seed: int = 0
    strategy: str = DEFAULT_STRATEGY
    settings: AbstractSettings | None = None
    islands: int = 1
    seed_zoo: bool = False
    beyond_size: float = 0.0
    growths: int = 0
    leaf_weights: LeafWeights | None = field(default_factory=lambda: dict(EQUAL_WEIGHTS))
    redraws: int = REDRAWS
    early_exit: int = 0
    chosen_settings: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise SpecError(f"The seed is {self.seed}; it must be 0 or more.")
        if self.islands < 1:
            raise SpecError(f"The number of islands is {self.islands}; it must be at least 1.")
        if not 0 <= self.beyond_size < math.inf:
            raise SpecError(f"The weight beyond size is {self.beyond_size}; it must be 0 or more, and finite.")
        if not 0 <= self.growths <= MOST_GROWTHS:
            raise SpecError(f"The number of growths is {self.growths}; it must be from 0 to {MOST_GROWTHS}.")
        if self.redraws < 1:
            raise SpecError(f"The number of redraws is {self.redraws}; it must be at least 1.")
        if self.early_exit < 0 or self.early_exit == 1:
            raise SpecError(f"The early exit is {self.early_exit}; give 0 for none, or at least 2 networks.")
        if self.leaf_weights is not None:
            _require_weights(self.leaf_weights)
        wanted = STRATEGIES[self.strategy].settings_type
        settings = wanted() if self.settings is None else self.settings
        if type(settings) is not wanted:
            raise SpecError(f"The strategy '{self.strategy}' takes {wanted.__name__}, not {type(settings).__name__}.")
        object.__setattr__(self, "chosen_settings", settings)

    def to_document(self) -> dict[str, Any]:
        """The plan as JSON-compatible data; settings of screening only if they differ from the defaults."""
        weights = self.leaf_weights
        screening = {"redraws": (self.redraws, REDRAWS), "early_exit": (self.early_exit, 0)}
        return {
            "seed": self.seed,
            "strategy": self.strategy,
            "settings": asdict(self.chosen_settings),
            "islands": self.islands,
            "seed_zoo": self.seed_zoo,
            "beyond_size": self.beyond_size,
            "growths": self.growths,
            "leaf_weights": None if weights is None else {str(kind): float(weights[kind]) for kind in sorted(weights)},
            **{name: value for name, (value, usual) in screening.items() if value != usual},
        }


def _require_weights(weights: LeafWeights) -> None:
    """Refuses weights unless each kind has one above 0.

    Raises:
        SpecError: If a kind has none.
    """
    if set(weights) != set(StatisticKind) or not all(0 < each < math.inf for each in weights.values()):
        given = {str(kind): weight for kind, weight in weights.items()}
        raise SpecError(
            f"The leaf weights are {given}; give each of {', '.join(StatisticKind)} a number above 0, and finite."
        )

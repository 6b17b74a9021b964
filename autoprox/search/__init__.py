"""Training-free architecture search with any scorer.

- `constraints`: bounds on the costs of an architecture
- `region`: the allowed architectures: exact, so that every draw is allowed, if the space has closed forms (`closed`,
  `sizes`, `by_place`), otherwise by rejection (`whole`)
- `arch_scores`: scores of architectures by any scorer
- `methods`: regularised evolution, annealing, random draws, everything
- `search_journal`, `searching`: the search, which resumes after an interruption
- `result`, `search_figure`: the result as data and as a figure
- `verification`: the pick compared with other architectures by training
"""

from autoprox.networks.latency import Latency
from autoprox.search._pareto import CostFront
from autoprox.search._region import Region
from autoprox.search.constraints import Bound, Constraints
from autoprox.search.methods import (
    ANNEALINGS,
    METHODS,
    AbstractMethod,
    Annealing,
    Evolution,
    Exhaustive,
    FoxnasAnnealing,
    ParetoEvolution,
    RandomSearch,
)
from autoprox.search.result import Pick, ScoredArch, SearchResult
from autoprox.search.searching import run

__all__ = [
    "ANNEALINGS",
    "METHODS",
    "AbstractMethod",
    "Annealing",
    "Bound",
    "Constraints",
    "CostFront",
    "Evolution",
    "Exhaustive",
    "FoxnasAnnealing",
    "Latency",
    "ParetoEvolution",
    "Pick",
    "RandomSearch",
    "Region",
    "ScoredArch",
    "SearchResult",
    "run",
]

"""Training-free architecture search with any scorer.

- `constraints`: what an architecture may cost
- `region`: the architectures that are allowed: exactly, so that every draw is allowed, where a space has closed forms
  (`closed`, `sizes`), and by tries elsewhere (`whole`)
- `arch_scores`: from anything that scores to numbers for architectures
- `methods`: regularised evolution, annealing, random draws, everything
- `search_journal`, `searching`: the search, and how it goes on after an interruption
- `result`, `search_figure`: what was found
- `verification`: the find, trained beside others
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
